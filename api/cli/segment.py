"""`lauter segment define | list | run | show | correct | lift`; counts are exact. More stand in `segment_life`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from api.cli import output, schedule, segment_life
from api.cli.forecast import show_evaluation
from api.workflows.segment_warnings import Warned, about_size

if TYPE_CHECKING:
    from api.workflows.segment_results import CorrectionMade, SchemeDefined, SchemeList, SchemeShown
    from segmentation.corrections import CorrectionState
    from segmentation.report import RunReport

group = typer.Typer(no_args_is_help=True, help="Schemes: define, run, show, and correct one person's assignment.")
segment_life.attach(group)
schedule.attach(group)

SHOWN_OVERLAPS = 5
REVIEW_AFTER = timedelta(days=365)
"""When a correction is reviewed unless a date is given."""

Scheme = Annotated[str, typer.Argument(help="The scheme.")]
Reference = Annotated[str, typer.Option(help="The customer reference.")]


def register(app: typer.Typer) -> None:
    """Attach the group."""
    app.add_typer(group, name="segment")


@group.command("define")
def define(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The definition as JSON.")],
    draft: Annotated[bool, typer.Option("--draft", help="Do not activate it yet.")] = False,
) -> None:
    """Check a definition, store it as the next version of its scheme, and make it the one that runs."""
    from api.workflows import segments

    with output.house(context) as house:
        text = output.read_text(file)
        actor = output.invocation(context).actor
        made = segments.define(house, text, actor=actor, now=output.now(), activate=not draft)
    output.answer(context, made, _show_defined)


@group.command("list")
def list_schemes(context: typer.Context) -> None:
    """Every scheme with the exact counts of its live run."""
    from api.workflows import segments

    with output.house(context) as house:
        found = segments.schemes(house)
    output.answer(context, found, _show_list)


@group.command("run")
def run(
    context: typer.Context,
    scheme: Scheme,
    refit: Annotated[bool, typer.Option("--refit", help="Fit a new model instead of using the stored one.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Record everybody, not only who changed.")] = False,
) -> None:
    """Assign everybody who is permitted, and publish the result."""
    from api.workflows import segments

    invoked = output.invocation(context)
    with output.house(context) as house, output.progress_bar(context, scheme) as progress:
        report = segments.run(
            house, scheme, actor=invoked.actor, now=output.now(), refit=refit, progress=progress, incremental=not full
        )
    output.answer(context, report, _show_report)


@group.command("show")
def show(context: typer.Context, scheme: Scheme) -> None:
    """A scheme in full: the last run, sizes now, and what sets the segments apart."""
    from api.workflows import segments

    with output.house(context) as house:
        found = segments.show(house, scheme, now=output.now())
    output.answer(context, found, _show_scheme)


@group.command("correct")
def correct(
    context: typer.Context,
    scheme: Scheme,
    reference: Reference,
    reason: Annotated[str, typer.Option(help="Why; stored sealed.")],
    to: Annotated[str | None, typer.Option("--to", help="Move to this segment.")] = None,
    pin: Annotated[bool, typer.Option("--pin", help="Keep the present segment.")] = False,
    out: Annotated[bool, typer.Option("--out", help="Take out of the scheme.")] = False,
    review: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Review date; else in a year.")] = None,
) -> None:
    """Correct one person's assignment; acts at once and outranks every run until lifted."""
    from api.workflows import correcting
    from api.workflows.segment_results import CorrectionOrder
    from audit.errors import BadInput

    kinds = [kind for kind, given in (("move", to is not None), ("pin", pin), ("out", out)) if given]
    if len(kinds) != 1:
        raise BadInput("Say exactly one of --to SEGMENT, --pin and --out.")
    now = output.now()
    with output.house(context) as house:
        day = review.date() if review else house.today(now) + REVIEW_AFTER
        order = CorrectionOrder(kinds[0], to, reason, day)
        made = correcting.correct(house, scheme, reference, order, actor=output.invocation(context).actor, now=now)
    output.answer(context, made, _show_correction)


@group.command("lift")
def lift(context: typer.Context, scheme: Scheme, reference: Reference) -> None:
    """End a correction; the live run decides again."""
    from api.workflows import correcting

    with output.house(context) as house:
        made = correcting.lift(house, scheme, reference, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, made, _show_correction)


def _show_defined(result: SchemeDefined) -> None:
    state = "defined" if result.new else "unchanged"
    output.screen.print(f"{result.scheme}, version {result.version}: {state} ({result.kind}, {result.purpose})")
    _warn(result.warnings)
    if result.state != "active":
        runs = f"version {result.active} runs" if result.active else "no version runs"
        output.screen.print(f"  {'a draft' if result.state == 'draft' else 'waits for the officer'}; {runs}")


def _warn(warnings: Sequence[Warned]) -> None:
    for warned in warnings:
        output.screen.print(f"[yellow]  {warned.text.en}[/yellow]")


def _show_list(result: SchemeList) -> None:
    table = Table("Scheme", "Version", "Kind", "Purpose", "Run", "All", "Permitted", "Left out")
    for state in result.schemes:
        left = sum(state.left_out.values()) if state.left_out is not None else None
        cells = (state.version, state.kind, state.purpose, state.run, state.total, state.permitted, left)
        table.add_row(state.scheme, *("–" if cell is None else str(cell) for cell in cells))
    output.screen.print(table)


def _show_report(report: RunReport) -> None:
    output.screen.print(
        f"[bold]{report.scheme}[/bold], run {report.run}: {report.permitted} of {report.total} permitted"
    )
    for reason, count in sorted(report.left_out.items()):
        output.screen.print(f"  left out, {reason.replace('_', ' ')}: {count}")
    for field, count in sorted(report.withheld.items()):
        if count:
            output.screen.print(f"  without {field}: {count}")
    table = Table("Segment", "Name", "People")
    for segment in report.segments:
        table.add_row(segment.key, segment.name.en, "too small" if segment.suppressed else str(segment.effective))
    output.screen.print(table)
    rest = {"not assessed": report.not_assessed, "in no segment": report.unmatched, "corrected": report.corrected}
    rest |= {"moved": report.moved, "of these by the new model": report.model_changed, "left": report.left}
    rest |= {"kept by a narrow margin": report.held, "waiting for the next run": report.queued}
    told = [f"{name} {count}" for name, count in rest.items() if count]
    if report.agreement is not None:
        told.append(f"agreement with the last run {report.agreement}")
    if told:
        output.screen.print(", ".join(told))
    _warn(about_size(len(report.segments)))
    show_evaluation(report.fit)
    for each in report.overlaps[:SHOWN_OVERLAPS]:
        output.screen.print(f"  {each.first} and {each.second} both fit {each.people}: {each.first} comes first")
    for key, fits in report.never_reached.items():
        output.screen.print(f"  {key} is never reached: earlier segments take all {fits} its rule fits")


def _show_scheme(result: SchemeShown) -> None:
    if result.state.draft:
        running = f"version {result.state.active} is active" if result.state.active else "no version is active"
        output.screen.print(f"[yellow]Version {result.state.draft} is a draft; {running}[/yellow]")
    if result.report is None:
        output.screen.print(f"{result.state.scheme}: never run")
        return
    _show_report(result.report)
    table = Table("Segment", "Now", "What sets it apart (Cohen's d)")
    for segment in result.profile.segments if result.profile else ():
        apart = sorted(
            (each for each in segment.features if each.effect is not None), key=lambda each: -abs(each.effect or 0)
        )
        told = ", ".join(f"{each.label.en} {each.effect:+.2f}" for each in apart[:3])
        table.add_row(segment.key, str(result.now[segment.key]), told)
    output.screen.print(table)
    _show_corrections(result.corrections)


def _show_corrections(state: CorrectionState) -> None:
    if not state.in_force:
        return
    output.screen.print(f"Corrections in force: {state.in_force}, next review on {state.next_review}")
    if state.due:
        output.screen.print(f"[yellow]  {state.due} due for review; they stay in force until somebody decides[/yellow]")
    if state.homeless:
        output.screen.print(
            f"[yellow]  {state.homeless} name a segment that is gone; those people are in none until somebody "
            "decides[/yellow]"
        )


def _show_correction(result: CorrectionMade) -> None:
    state = "lifted" if result.lifted else f"in force, review on {result.review_on}"
    output.screen.print(f"Correction {result.number} of {result.scheme}: {state}")
