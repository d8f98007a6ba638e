"""Schemes and their runs as pages show them: sizes, who is left out and why, how sizes went over the runs.

Counts are those of the run; whoever objected since is out of every output already, and of the next run's counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from api.console.counts import Counts, Step, funnel
from api.deps import Visit
from api.i18n import N_
from api.workflows.activations import shown_definition
from api.workflows.stored_definitions import StoredDefinition, stored_definition
from governance.vocabulary import REASON_TEXT, EffectClass, Reason, Text, Unit
from segmentation import store
from segmentation.definitions import Definition, Kind
from segmentation.errors import SchemeUnknown
from segmentation.freshness import freshness
from segmentation.report import RunReport, report_from_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from segmentation.store import RunRow

KINDS: dict[Kind, str] = {
    Kind.RULES: N_("Rules"),
    Kind.ABC: N_("Share of the total (ABC)"),
    Kind.RFM: N_("Recency, frequency, monetary value"),
    Kind.CLV: N_("Customer lifetime value"),
    Kind.KMEANS: N_("Grouping by similarity (k-means)"),
    Kind.WARD: N_("Hierarchical grouping (Ward)"),
    Kind.MIXTURE: N_("Overlapping groups (Gaussian mixture)"),
    Kind.LATENT_CLASS: N_("Latent classes"),
    Kind.FORECAST: N_("Forecast (logistic regression)"),
    Kind.MANUAL: N_("By hand"),
}
UNITS: dict[Unit, str] = {Unit.CONTACT: N_("People"), Unit.ACCOUNT: N_("Companies")}
EFFECTS: dict[EffectClass, str] = {
    EffectClass.NONE: N_("no effect"),
    EffectClass.MARKETING: N_("advertising only"),
    EffectClass.PRICE: N_("affects prices"),
    EffectClass.CONTRACT: N_("affects contracts"),
}
RUNS_SHOWN = 12


@dataclass(frozen=True)
class SchemeChoice:
    """A scheme that has a live run, with its segments."""

    name: str
    label: str
    purpose: str
    purpose_label: str
    segments: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SchemeLine:
    """A scheme in a list."""

    name: str
    label: str
    kind: str
    unit: str
    purpose: str
    run: int | None
    at: datetime | None
    fresh: bool
    placed: int | None
    share: float
    left_out: int | None
    total: int | None


@dataclass(frozen=True)
class SegmentRow:
    """One segment of the live run."""

    key: str
    name: str
    count: int | None
    share: float
    width: float
    suppressed: bool


@dataclass(frozen=True)
class History:
    """Sizes over the last runs."""

    points: str
    """Of the line, in a box of 110 by 60."""
    first: tuple[datetime, int | None]
    last: tuple[datetime, int | None]
    rows: tuple[tuple[int, datetime, int | None, int | None], ...]
    """Run, when, in segments, permitted; newest first."""


@dataclass(frozen=True)
class SchemePage:
    """One scheme with its live run; before the first run only what was defined."""

    line: SchemeLine
    holds: bool
    """Whether the present catalogue still carries the definition."""
    definition: Definition
    version: int
    effect: str
    features: tuple[str, ...]
    fact: int | None
    report: RunReport | None
    permitted: int | None
    segments: tuple[SegmentRow, ...]
    funnel: tuple[Step, ...]
    facts: tuple[tuple[str, str], ...]
    history: History | None


def scheme_lines(visit: Visit) -> list[SchemeLine]:
    """Every scheme, by name."""
    with visit.house.work.reading() as connection:
        rows = [shown_definition(connection, row.scheme) for row in store.latest_definitions(connection)]
        return [
            _line(visit, stored_definition(visit.house, connection, row), *_live(connection, row.scheme))
            for row in rows
        ]


def scheme_choices(visit: Visit) -> list[SchemeChoice]:
    """Every scheme that has a live run."""
    with visit.house.work.reading() as connection:
        found = [_choice(visit, connection, row.scheme) for row in store.latest_definitions(connection)]
    return [choice for choice in found if choice]


def scheme_choice(visit: Visit, name: str) -> SchemeChoice:
    """The scheme of that name.

    Raises:
        SchemeUnknown: there is none with a live run.
    """
    with visit.house.work.reading() as connection:
        found = _choice(visit, connection, name)
    if found is None:
        raise SchemeUnknown(name)
    return found


def scheme_page(visit: Visit, name: str) -> SchemePage:
    """One scheme as this role may see it.

    Raises:
        SchemeUnknown: nothing is defined under the name.
    """
    with visit.house.work.reading() as connection:
        shown = shown_definition(connection, name)
        run, report = _live(connection, name)
        row = store.definition_of(connection, run.definition) if run else None
        row = row or shown
        runs = store.published_runs(connection, name)
        stored = stored_definition(visit.house, connection, row)
    definition = stored.definition
    counts = _counts(visit, definition)
    return SchemePage(
        line=_line(visit, stored, run, report),
        holds=stored.holds,
        definition=definition,
        version=row.version,
        effect=EFFECTS[definition.effect_class],
        features=_features(visit, definition),
        fact=run.fact if run else None,
        report=report,
        permitted=counts.see(report.permitted) if report else None,
        segments=_segments(visit, report, counts) if report else (),
        funnel=_funnel(visit, report, counts) if report else (),
        facts=_facts(visit, report, counts) if report else (),
        history=_history(runs, counts),
    )


def _live(connection: Connection, name: str) -> tuple[RunRow | None, RunReport | None]:
    run = store.live_run(connection, name)
    return run, report_from_json(run.report) if run and run.report else None


def _choice(visit: Visit, connection: Connection, name: str) -> SchemeChoice | None:
    run, report = _live(connection, name)
    row = store.definition_of(connection, run.definition) if run else None
    if report is None or row is None:
        return None
    stored = stored_definition(visit.house, connection, row)
    if not stored.holds:
        return None  # nothing leaves by a definition that the catalogue does not carry
    definition, purpose, pick = stored.definition, stored.purpose, visit.tongue.pick
    segments = tuple((segment.key, pick(segment.name)) for segment in report.segments)
    return SchemeChoice(name, pick(definition.label), definition.purpose, pick(purpose.label), segments)


def _counts(visit: Visit, definition: Definition) -> Counts:
    return Counts(visit.exact, max(visit.house.catalogue.controller.minimum_cell, definition.minimum_size))


def _line(visit: Visit, stored: StoredDefinition, run: RunRow | None, report: RunReport | None) -> SchemeLine:
    definition, purpose = stored.definition, stored.purpose
    counts, say, pick = Counts(visit.exact), visit.tongue.say, visit.tongue.pick
    placed = sum(segment.effective for segment in report.segments) if report else 0
    at = run.published_at if run else None
    return SchemeLine(
        name=definition.scheme,
        label=pick(definition.label),
        kind=say(KINDS[definition.kind]),
        unit=say(UNITS[definition.unit]),
        purpose=pick(purpose.label),
        run=run.id if run else None,
        at=at,
        fresh=_fresh(visit, definition.scheme),
        placed=counts.see(placed) if report else None,
        share=counts.share(placed, report.total) if report else 0.0,
        left_out=counts.see(report.total - report.permitted) if report else None,
        total=counts.see(report.total) if report else None,
    )


def _fresh(visit: Visit, scheme: str) -> bool:
    with visit.house.work.reading() as connection:
        return not freshness(connection, scheme, visit.house.catalogue.controller, now=visit.now).stale


def _segments(visit: Visit, report: RunReport, counts: Counts) -> tuple[SegmentRow, ...]:
    placed = sum(segment.effective for segment in report.segments)
    most = max((segment.effective for segment in report.segments), default=1) or 1
    rows = []
    for segment in report.segments:
        told = counts.see(segment.effective)
        width = (told or 0) / (counts.see(most) or 1)
        share = (told or 0) / (counts.see(placed) or 1)
        name = visit.tongue.pick(segment.name)
        rows.append(SegmentRow(segment.key, name, told, share, min(1.0, width), segment.suppressed))
    return tuple(rows)


def _funnel(visit: Visit, report: RunReport, counts: Counts) -> tuple[Step, ...]:
    say = visit.tongue.say
    labels: dict[str, Text | str] = {key: REASON_TEXT[Reason(key)] for key in report.left_out}
    steps = funnel(
        (say("Everybody"), report.total), report.left_out, labels,
        (say("Permitted for this purpose"), report.permitted), counts, say("Other reasons"),
    )  # fmt: skip
    inner = {
        "not_assessed": report.not_assessed,
        "unmatched": report.unmatched,
        "suppressed": report.suppressed,
    }
    words: dict[str, Text | str] = {
        "not_assessed": say("Too few details to assign"),
        "unmatched": say("No segment fits"),
        "suppressed": say("Segment too small"),
    }
    placed = sum(segment.effective for segment in report.segments)
    rest = funnel(
        ("", report.permitted), inner, words, (say("In a segment"), placed), counts, say("Other reasons"),
        whole_of=report.total,
    )  # fmt: skip
    middle = steps[-1]
    return (*steps[:-1], Step(middle.label, middle.count, 0.0, middle.width, "soft", strong=True), *rest[1:])


def _facts(visit: Visit, report: RunReport, counts: Counts) -> tuple[tuple[str, str], ...]:
    say, formats = visit.tongue.say, visit.tongue.formats

    def told(count: int) -> str:
        seen = counts.see(count)
        return say("below 10") if seen is None else formats.number(seen)

    agreement = formats.number(float(report.agreement), 2) if report.agreement is not None else "–"
    return (
        (say("In another segment than before"), told(report.moved)),
        (say("Kept, because the margin was small"), told(report.held)),
        (say("Corrected by the complaint desk"), told(report.corrected)),
        (say("Corrections that differ from the model"), told(report.conflicts)),
        (say("Left since the last run"), told(report.left)),
        (say("Agreement with the last run (adjusted Rand index)"), agreement),
        (say("Model"), say("fitted anew") if report.refitted else say("unchanged")),
    )


def _features(visit: Visit, definition: Definition) -> tuple[str, ...]:
    fields = visit.house.catalogue.fields
    return tuple(visit.tongue.pick(fields[key].label) for key in definition.fields if key in fields)


def _history(runs: Sequence[RunRow], counts: Counts) -> History | None:
    told = [
        (run.id, run.published_at, sum(segment.effective for segment in report.segments), report.permitted)
        for run in runs[-RUNS_SHOWN:]
        if run.report and run.published_at and (report := report_from_json(run.report))
    ]
    if not told:
        return None
    rows = tuple((number, at, counts.see(placed), counts.see(allowed)) for number, at, placed, allowed in told)
    sizes = [row[2] or 0 for row in rows]
    low, high = min(sizes), max(sizes)
    span = (high - low) or 1
    step = 110 / max(len(sizes) - 1, 1)
    points = " ".join(
        f"{place * step:.1f},{30.0 if low == high else 56 - (size - low) / span * 52:.1f}"
        for place, size in enumerate(sizes)
    )
    first, last = rows[0], rows[-1]
    return History(points, (first[1], first[2]), (last[1], last[2]), tuple(reversed(rows)))
