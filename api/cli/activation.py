"""`lauter segment preview | activate | decide | withdraw | deactivate | versions`; counts are exact."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from api.cli import output
from api.cli.segment import Scheme, group

if TYPE_CHECKING:
    from api.workflows.activation_results import ActivationState, Versions
    from api.workflows.previews import Preview
    from segmentation.preview import Moves, Outlook

Version = Annotated[int | None, typer.Option("--version", help="The version; else the newest.")]


def register() -> None:
    """The commands stand in the group `segment`; importing this module puts them there."""


@group.command("preview")
def preview(context: typer.Context, file: Annotated[Path, typer.Argument(help="The definition as JSON.")]) -> None:
    """What a definition would give on everybody permitted now; nothing is stored and no run is made."""
    from api.workflows import previews

    with output.house(context) as house:
        text = output.read_text(file)
        found = previews.preview(house, text, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, found, _show_preview)
    if found.refused:
        raise typer.Exit(output.EXIT_REFUSED)


@group.command("activate")
def activate(context: typer.Context, scheme: Scheme, version: Version = None) -> None:
    """Make a version the one that runs; an older one again goes back."""
    from api.workflows import activations

    with output.house(context) as house:
        actor = output.invocation(context).actor
        state = activations.request(house, scheme, actor=actor, now=output.now(), version=version)
    output.answer(context, state, _show_state)


@group.command("decide")
def decide(
    context: typer.Context,
    scheme: Scheme,
    approve: Annotated[bool, typer.Option("--approve/--refuse", help="Yes or no.")],
    note: Annotated[str, typer.Option(help="Why, naming nobody; a refusal needs it.")] = "",
) -> None:
    """Say yes or no to the version that waits, in the officer's place; the log says who."""
    from api.workflows import activations

    with output.house(context) as house:
        actor = output.invocation(context).actor
        state = activations.decide(house, scheme, approve=approve, note=note, actor=actor, now=output.now())
    output.answer(context, state, _show_state)


@group.command("withdraw")
def withdraw(context: typer.Context, scheme: Scheme) -> None:
    """Take back the request that waits for the officer."""
    from api.workflows import activations

    with output.house(context) as house:
        state = activations.withdraw(house, scheme, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, state, _show_state)


@group.command("deactivate")
def deactivate(context: typer.Context, scheme: Scheme) -> None:
    """Switch a scheme off: nothing runs and nothing leaves by it until a version is active again."""
    from api.workflows import activations

    with output.house(context) as house:
        state = activations.deactivate(house, scheme, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, state, _show_state)


@group.command("versions")
def versions(context: typer.Context, scheme: Scheme) -> None:
    """Which version runs, which waits, and what was decided."""
    from api.workflows import activations

    with output.house(context) as house:
        found = activations.versions(house, scheme)
    output.answer(context, found, _show_versions)


def _show_state(state: ActivationState) -> None:
    words = {"active": "runs from now on", "requested": "waits for the data protection officer"}
    output.screen.print(f"{state.scheme}, version {state.version}: {words.get(state.state, state.state)}")


def _show_versions(found: Versions) -> None:
    active = f"version {found.active} is active" if found.active else "no version is active"
    draft = f", version {found.draft} is a draft" if found.draft else ""
    output.screen.print(f"{found.scheme}: {active}{draft}")
    table = Table("Version", "State", "Effect", "Asked by", "Decided by", "Note")
    for each in found.history:
        cells = (str(each.version), each.state, each.effect_class, each.requested_by, each.decided_by, each.note)
        table.add_row(*(escape(cell) if cell else "–" for cell in cells))
    output.screen.print(table)


def _show_preview(found: Preview) -> None:
    for field in found.refused:
        output.screen.print(
            f"[red]{field.key} may not be used for {found.purpose}:[/red] {field.why.en if field.why else ''}"
        )
    if found.outlook is None:
        return
    _show_outlook(found.outlook)
    for warned in found.warnings:
        about = f"{warned.segment}: " if warned.segment else ""
        output.screen.print(f"[yellow]{about}{warned.text.en}[/yellow]")
    who = "the data protection officer has to approve it" if found.needs_officer else "nobody else has to approve it"
    output.screen.print(f"Effect: {found.effect_class}; {who}. Nothing was stored.")


def _show_outlook(outlook: Outlook) -> None:
    output.screen.print(f"{outlook.permitted} of {outlook.total} permitted")
    for reason, count in sorted(outlook.left_out.items()):
        output.screen.print(f"  left out, {reason.value.replace('_', ' ')}: {count}")
    for field, count in sorted(outlook.withheld.items()):
        if count:
            output.screen.print(f"  without {field}: {count}")
    table = Table("Segment", "Name", "Rule fits", "People")
    for each in outlook.segments:
        people = "too small" if each.suppressed else str(each.people)
        table.add_row(each.key, escape(each.name.en), "–" if each.fits is None else str(each.fits), people)
    output.screen.print(table)
    rest = {"not assessed": outlook.not_assessed, "in no segment": outlook.unmatched + outlook.suppressed}
    output.screen.print(", ".join(f"{name} {count}" for name, count in rest.items()))
    if outlook.moves is not None:
        _show_moves(outlook.moves)


def _show_moves(moves: Moves) -> None:
    table = Table(f"From run {moves.run} to", *(key for key, _ in moves.columns), "none")
    for (key, _), row in zip((*moves.rows, ("none", None)), moves.people, strict=True):
        table.add_row(key, *(str(cell) for cell in row))
    output.screen.print(table)
