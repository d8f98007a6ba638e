"""`lauter segment profile | compare | migration | history | note`; counts are exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from api.cli import check, output

if TYPE_CHECKING:
    from api.workflows.segment_history import HistoryShown, MigrationShown
    from api.workflows.segment_notes import NoteWritten
    from api.workflows.segment_shown import Comparison, SegmentShown
    from segmentation.profile import FeatureProfile
    from segmentation.store_figures import FigureRow

Scheme = Annotated[str, typer.Argument(help="The scheme.")]
Segment = Annotated[str, typer.Argument(help="The segment's key.")]


def attach(group: typer.Typer) -> None:
    """Attach the commands to `lauter segment`."""
    for name, command in (
        ("profile", profile),
        ("compare", compare),
        ("migration", migration),
        ("history", history),
        ("note", note),
    ):
        group.command(name)(command)
    check.attach(group)


def profile(context: typer.Context, scheme: Scheme, segment: Segment) -> None:
    """One segment: what sets it apart, what it brings, whom it shares members with."""
    from api.workflows import segment_profiles

    with output.house(context) as house:
        found = segment_profiles.segment_profile(house, scheme, segment, now=output.now())
    output.answer(context, found, _show_profile)


def compare(
    context: typer.Context,
    scheme: Scheme,
    segments: Annotated[list[str], typer.Argument(help="Two to four segment keys.")],
) -> None:
    """Two to four segments side by side."""
    from api.workflows import segment_profiles

    with output.house(context) as house:
        found = segment_profiles.compare(house, scheme, segments, now=output.now())
    output.answer(context, found, _show_comparison)


def migration(
    context: typer.Context,
    scheme: Scheme,
    before: Annotated[int | None, typer.Option(help="Number of the earlier run; else the one before.")] = None,
    after: Annotated[int | None, typer.Option(help="Number of the later run; else the live one.")] = None,
) -> None:
    """Who moved between two runs, and why."""
    from api.workflows import segment_history

    with output.house(context) as house:
        found = segment_history.migration(house, scheme, before=before, after=after)
    output.answer(context, found, _show_migration)


def history(context: typer.Context, scheme: Scheme) -> None:
    """Every run with its cause, version, model, sizes, figures and duration."""
    from api.workflows import segment_history

    with output.house(context) as house:
        found = segment_history.history(house, scheme)
    output.answer(context, found, _show_history)


def note(
    context: typer.Context,
    scheme: Scheme,
    segment: Segment,
    owner: Annotated[str, typer.Option(help="Who looks after it: a role or a team.")],
    strategy: Annotated[str, typer.Option(help="What is planned; names nobody.")],
) -> None:
    """Write down what is planned for a segment; older notes stay."""
    from api.workflows import segment_notes

    actor, now = output.invocation(context).actor, output.now()
    with output.house(context) as house:
        made = segment_notes.note(house, scheme, segment, owner=owner, strategy=strategy, actor=actor, now=now)
    output.answer(context, made, _show_note)


def _show_profile(found: SegmentShown) -> None:
    segment, show = found.segment, output.screen.print
    show(f"[bold]{segment.name.en}[/bold] ({segment.key}), run {found.run}: {_count(segment.size)} people")
    if segment.name_for_subject != segment.name:
        show(f"  customers read: {segment.name_for_subject.en}")
    if found.value:
        value = found.value
        show(f"  {value.people:.1%} of the people bring {value.amount:.1%} of the {value.of}")
    _show_features(found)
    for other in found.overlaps:
        row = other.cells[found.number]
        told = ", ".join(f"{key} {count}" for key, count in zip((*other.keys, "none"), row, strict=True))
        show(f"  also in {other.scheme}: {told}")
    for each in found.notes[:1]:
        show(f"  {each.owner}: {each.strategy}")


def _show_features(found: SegmentShown) -> None:
    table = Table("Feature", "Here", "Others", "Effect (Cohen's d)")
    for each in sorted(found.segment.features, key=lambda one: -abs(one.effect or 0.0)):
        effect = "–" if each.effect is None else f"{each.effect:+.2f}"
        table.add_row(each.label.en, _mean(each, each.mean), _mean(each, each.rest), effect)
    for level in found.segment.levels:
        table.add_row(level.label.en, f"{level.level} ({level.share:.0%})", "", "")
    output.screen.print(table)


def _show_comparison(found: Comparison) -> None:
    table = Table("", *(segment.key for segment in found.segments))
    table.add_row("people", *(_count(segment.size) for segment in found.segments))
    for of in ("revenue", "margin", "active", "stayed"):
        table.add_row(of, *(_figure(row, of) for row in found.figures))
    labels = {one.key: one.label.en for segment in found.segments for one in segment.features}
    for key, label in labels.items():
        by_key = [{one.key: one for one in segment.features} for segment in found.segments]
        cells = [features.get(key) for features in by_key]
        table.add_row(
            label, *("–" if one is None else f"{_mean(one, one.mean)} ({one.effect or 0:+.2f})" for one in cells)
        )
    output.screen.print(table)


def _show_migration(shown: MigrationShown) -> None:
    from segmentation import migration as movements

    found, show = shown.found, output.screen.print
    show(f"[bold]{found.scheme}[/bold], run {found.before.run} (rows) to run {found.after.run} (columns)")
    words = {movements.NONE: "in none", movements.NOBODY_THERE: "not there"}
    table = Table("", *(words.get(key, key) for key in found.after.keys))
    for key, row in zip(found.before.keys, found.cells, strict=True):
        table.add_row(words.get(key, key), *(str(cell) for cell in row))
    show(table)
    show(f"stayed {found.stayed}, moved {found.moved}, joined {found.joined}, left {found.left}")
    if found.causes:
        show(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in vars(found.causes).items() if count))
    for reason, count in sorted(found.reasons.items()):
        show(f"  left, {reason.replace('_', ' ')}: {count}")


def _show_history(found: HistoryShown) -> None:
    table = Table("Run", "When", "Cause", "Version", "Placed", "Moved", "Agreed", "Seconds")
    for run in reversed(found.runs):
        agreed = "–" if run.agreement is None else f"{float(run.agreement):.2f}"
        cells = (
            run.run,
            f"{run.at:%Y-%m-%d %H:%M}",
            run.cause,
            run.version,
            run.placed,
            run.moved,
            agreed,
            run.seconds,
        )
        table.add_row(*(str(cell) for cell in cells))
    output.screen.print(table)


def _show_note(made: NoteWritten) -> None:
    output.screen.print(f"Note {made.number} on {made.scheme}/{made.segment}: written")


def _count(count: int | None) -> str:
    return "–" if count is None else str(count)


def _figure(row: FigureRow | None, of: str) -> str:
    found = getattr(row, of) if row is not None else None
    if found is None:
        return "–"
    return f"{found / 100:,.2f} {row.currency}" if row is not None and of in {"revenue", "margin"} else str(found)


def _mean(feature: FeatureProfile, mean: float | None) -> str:
    """A mean as it is read: money in whole units of the currency."""
    if mean is None:
        return "–"
    return f"{mean / 100:,.2f}" if feature.quantity == "money" else f"{mean:.2f}"
