"""`lauter notice …`: what people were told, each text by its hash, byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.notices import NoticeList, NoticeShown

group = typer.Typer(no_args_is_help=True, help="Notices: what people were told, in every version that was ever shown.")


def register(app: typer.Typer) -> None:
    """Attach the group."""
    app.add_typer(group, name="notice")


@group.command("list")
def list_notices(context: typer.Context) -> None:
    """List every notice that was ever in force, and what today's do not say yet."""
    from api.workflows.notices import list_notices as run

    with output.house(context) as house:
        output.answer(context, run(house), _show_list)


@group.command("show")
def show(
    context: typer.Context,
    digest: Annotated[str, typer.Argument(metavar="HASH", help="The hash of the notice, or its first eight digits.")],
) -> None:
    """Print one notice exactly as it was shown."""
    from api.workflows.notices import find_notice

    with output.house(context) as house:
        output.answer(context, find_notice(house, digest), _show_one)


def _show_list(result: NoticeList) -> None:
    table = Table("Hash", "Purpose", "Version", "Language", "Since", "", box=None)
    for each in result.notices:
        notice = each.notice
        told = ", ".join(
            word for word, is_so in (("shown today", each.present), ("material", notice.material)) if is_so
        )
        since = notice.since.date().isoformat()
        table.add_row(notice.digest.hex()[:16], notice.purpose, notice.version, notice.language, since, told)
    output.screen.print(table)
    for purpose, items in result.missing.items():
        output.notes.print(f"{purpose}: the notice does not say {', '.join(items)}", markup=False)


def _show_one(result: NoticeShown) -> None:
    output.screen.out(result.notice.text, end="", highlight=False)
