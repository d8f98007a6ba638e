"""`lauter segment check NAME [--sample N] [--seed N]`: do the records replay, and do the changes told flip?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.segment_checks import SchemeChecked


def attach(group: typer.Typer) -> None:
    """Attach the command to `lauter segment`."""
    group.command("check")(check)


def check(
    context: typer.Context,
    scheme: Annotated[str, typer.Argument(help="The scheme.")],
    sample: Annotated[int, typer.Option(help="How many people; all, if there are fewer.")] = 1_000,
    seed: Annotated[int, typer.Option(help="Another seed draws other people.")] = 0,
) -> None:
    """Compute a sample of the live run again, and verify every change that an explanation tells; exit 1 if not."""
    from api.workflows import segment_checks

    with output.house(context) as house:
        actor = output.invocation(context).actor
        found = segment_checks.check(house, scheme, sample=sample, seed=seed, actor=actor, now=output.now())
    output.answer(context, found, _show)
    if not found.sound:
        raise typer.Exit(1)


def _show(found: SchemeChecked) -> None:
    tell = output.screen.print
    tell(
        f"[bold]{found.scheme}[/bold] ({found.kind}), run {found.run}: {found.sampled} of {found.records} records read"
    )
    tell(f"  replay as stored: {found.replayed} of {found.sampled}{_percent(found.agreement)}")
    tell(f"  changes told that flip when scored again: {found.flipped} of {found.found}")
    tell(f"  without a change to tell: {found.asked - found.found} of {found.asked}{_percent(found.without)}")
    if not found.sound:
        tell("[red]  Not everything came out as stored.[/red]")


def _percent(share: float | None) -> str:
    return "" if share is None else f" ({100 * share:.1f} %)"
