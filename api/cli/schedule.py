"""`lauter segment schedule`: when a scheme is computed again, and how long its result may be used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.schedules import ScheduleState


def attach(group: typer.Typer) -> None:
    """Attach the command to `lauter segment`."""
    group.command("schedule")(schedule)


def schedule(
    context: typer.Context,
    scheme: Annotated[str, typer.Argument(help="The scheme.")],
    every: Annotated[str | None, typer.Option(help="ISO 8601 duration between runs, such as P1D.")] = None,
    on_change: Annotated[bool, typer.Option("--on-change", help="Also after imports and declarations.")] = False,
    fresh_for: Annotated[str | None, typer.Option(help="How long a result may be used, such as P7D.")] = None,
    off: Annotated[bool, typer.Option("--off", help="By hand only, fresh as long as the house allows.")] = False,
) -> None:
    """Set the schedule, or show it when nothing is given."""
    from api.workflows import schedules
    from audit.errors import BadInput

    given = every is not None or on_change or fresh_for is not None
    if given and off:
        raise BadInput("--off goes with no other option.")
    now = output.now()
    with output.house(context) as house:
        if given or off:
            actor = output.invocation(context).actor
            found = schedules.set_schedule(
                house, scheme, every=every, on_change=on_change, fresh_for=fresh_for, actor=actor, now=now
            )
        else:
            found = schedules.schedule_of(house, scheme, now=now)
    output.answer(context, found, _show)


def _show(found: ScheduleState) -> None:
    ways = [f"every {found.every}" if found.every else "", "after changes" if found.on_change else ""]
    told = " and ".join(way for way in ways if way) or "by hand"
    output.screen.print(f"{found.scheme}: {told}, usable for {found.fresh_for}; {found.freshness.reason.en}")
    if found.due_at:
        output.screen.print(f"  next run {found.due_at:%Y-%m-%d %H:%M} UTC")
    if found.problem:
        output.screen.print(f"  [yellow]failed {found.attempts} times, last by {found.problem}[/yellow]")
