"""`lauter portal`: ways into the portal that the operator hands out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.portal import Letter

group = typer.Typer(no_args_is_help=True, help="Ways into the portal for people who get no mail.")
PRIVATE = 0o600


@dataclass(frozen=True)
class LetterMade:
    """A letter; its code is shown this once."""

    letter: Letter
    file: Path | None

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        made: dict[str, Any] = {"code": self.letter.code, "url": self.letter.url}
        made |= {"expires": self.letter.expires_at.isoformat(), "address_held": bool(self.letter.lines)}
        return made if self.file is None else {**made, "file": str(self.file)}


def register(app: typer.Typer) -> None:
    """Attach the group."""
    app.add_typer(group, name="portal")


@group.callback()
def portal() -> None:
    """Ways into the portal for people who get no mail."""


@group.command("letter")
def letter(
    context: typer.Context,
    reference: Annotated[str, typer.Option(help="The customer reference.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the sheet to print as an HTML file.")
    ] = None,
) -> None:
    """Make a letter with a code for one person. An older code of theirs stops working; the code is shown this once."""
    from api.workflows.portal import letter_for

    with output.house(context) as house:
        made = letter_for(house, reference, actor=output.invocation(context).actor, now=output.now())
        controller = house.catalogue.controller
    if out is not None:
        from api.letter import file_of

        out.touch(mode=PRIVATE)
        out.chmod(PRIVATE)
        out.write_text(file_of(made, controller), encoding="utf-8")
    output.answer(context, LetterMade(made, out), _show)


def _show(made: LetterMade) -> None:
    output.screen.print(f"Code: {made.letter.code}   (shown this once)", markup=False)
    output.screen.print(f"Valid until {made.letter.expires_at:%Y-%m-%d}, once: {made.letter.url}", markup=False)
    if made.file is not None:
        output.screen.print(f"Sheet to print: {made.file}", markup=False)
    if not made.letter.lines:
        output.notes.print("No postal address is held; the window of the sheet stays empty.", markup=False)
