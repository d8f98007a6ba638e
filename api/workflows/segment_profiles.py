"""One segment described, and several side by side: exact for the operator and the officer, rounded for marketing.

Everything is aggregate, of what the scheme's purpose may see at this instant; nothing below the minimum size, and no
number from which a smaller one follows by subtraction (invariant 6 of the design).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from api.workflows.segment_shown import Comparison, Point, SegmentShown
from api.workflows.stored_definitions import StoredDefinition, stored_definition
from audit.errors import BadInput
from segmentation import store, store_figures
from segmentation.errors import ModelBroken, SegmentUnknown
from segmentation.membership import Live, live
from segmentation.overlap import SchemeOverlap, combinable, overlap
from segmentation.profile import profile
from segmentation.report import RunReport, report_from_json

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from segmentation.store import RunRow
    from segmentation.store_figures import FigureRow

RUNS_SHOWN = 12
FEWEST, MOST = 2, 4
"""How many segments are compared at once."""


def segment_profile(house: House, scheme: str, key: str, *, now: datetime) -> SegmentShown:
    """One segment of the live run.

    Raises:
        SchemeUnknown, NeverRun, SegmentUnknown: there is no such thing.
    """
    with house.work.reading() as connection:
        of = live(connection, scheme)
        if key not in {segment.key for segment in of.model.segments}:
            raise SegmentUnknown(scheme, key)
        return _shown(house, connection, of, key, now)


def compare(house: House, scheme: str, keys: Sequence[str], *, now: datetime) -> Comparison:
    """Two to four segments of the live run, side by side, in the order asked for.

    Raises:
        SchemeUnknown, NeverRun, SegmentUnknown: there is no such thing.
        BadInput: too few, too many, or one twice.
    """
    with house.work.reading() as connection:
        of = live(connection, scheme)
        known = {segment.key for segment in of.model.segments}
        for key in keys:
            if key not in known:
                raise SegmentUnknown(scheme, key)
        if not FEWEST <= len(keys) <= MOST or len(set(keys)) != len(keys):
            raise BadInput(f"Name {FEWEST} to {MOST} different segments to compare.")
        stored = stored_definition(house, connection, of.definition)
        report = _report(of.run)
        told = profile(connection, of, stored.purpose, now=now, minimum=report.minimum_size)
        figures = store_figures.of_runs(connection, [of.run.id])
    by_key = {segment.key: segment for segment in told.segments}
    return Comparison(
        scheme=scheme,
        label=stored.definition.label,
        unit=stored.definition.unit.value,
        run=of.run.id,
        fact=of.run.fact,
        minimum=report.minimum_size,
        segments=tuple(by_key[key] for key in keys),
        everybody=told.segments,
        figures=tuple(figures.get((of.run.id, key)) for key in keys),
    )


def _shown(house: House, connection: Connection, of: Live, key: str, now: datetime) -> SegmentShown:
    stored = stored_definition(house, connection, of.definition)
    report = _report(of.run)
    told = profile(connection, of, stored.purpose, now=now, minimum=report.minimum_size)
    figures = store_figures.of_runs(connection, [of.run.id])
    number = next(place for place, segment in enumerate(told.segments) if segment.key == key)
    return SegmentShown(
        scheme=of.scheme,
        label=stored.definition.label,
        version=of.definition.version,
        unit=stored.definition.unit.value,
        purpose=stored.purpose.label,
        run=of.run.id,
        at=of.run.published_at or of.run.now,
        fact=of.run.fact,
        minimum=report.minimum_size,
        holds=stored.holds,
        number=number,
        segments=told.segments,
        figures={segment: row for (_, segment), row in figures.items()},
        overlaps=_overlaps(house, connection, of, stored, now) if told.segments[number].size else (),
        trend=trend(connection, of.scheme, key),
        notes=tuple(store_figures.notes(connection, of.scheme, key)),
    )


def _report(run: RunRow) -> RunReport:
    if run.report is None:
        raise ModelBroken(f"run {run.id} has no report")
    return report_from_json(run.report)


def trend(connection: Connection, scheme: str, key: str) -> tuple[Point, ...]:
    """The key figures of a segment over the last runs, oldest first."""
    runs = store.published_runs(connection, scheme)[-RUNS_SHOWN - 1 :]
    figures = store_figures.of_runs(connection, [run.id for run in runs])
    points = []
    for run in runs:
        row = figures.get((run.id, key))
        if row is not None:
            before = figures.get((run.previous, key)) if run.previous is not None else None
            points.append(Point(run.id, run.published_at or run.now, row, _people(before)))
    return tuple(points[-RUNS_SHOWN:])


def _people(row: FigureRow | None) -> int | None:
    return row.people if row is not None else None


def _overlaps(
    house: House, connection: Connection, of: Live, mine: StoredDefinition, now: datetime
) -> tuple[SchemeOverlap, ...]:
    """With every other scheme that may be laid over this one."""
    if not mine.holds:
        return ()
    found = []
    for row in store.latest_definitions(connection):
        run = store.live_run(connection, row.scheme)
        if row.scheme == of.scheme or run is None:
            continue
        other = live(connection, row.scheme)
        theirs = stored_definition(house, connection, other.definition)
        if theirs.holds and combinable(house.catalogue, mine.definition, theirs.definition):
            found.append(overlap(connection, of, other, theirs.definition.label, house.catalogue, now=now))
    return tuple(found)
