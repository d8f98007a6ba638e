"""Rules that fit the same people: which two, how many, and which of them comes first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.console.counts import Counts

if TYPE_CHECKING:
    from api.deps import Visit
    from segmentation.report import RunReport

MOST_SHOWN = 20


@dataclass(frozen=True)
class Conflict:
    """Two segments whose rules fit the same people; `first` decides."""

    first: str
    second: str
    people: int


@dataclass(frozen=True)
class Unreached:
    """A segment whose rule fits people, but earlier segments take them."""

    name: str
    fits: int


def unreached(visit: Visit, report: RunReport | None) -> tuple[Unreached, ...]:
    """Segments that no one reaches; for marketing those that fewer than the minimum reach."""
    if report is None:
        return ()
    least = _least(report)
    counts = Counts(visit.exact, least)
    names = {segment.key: visit.tongue.pick(segment.name) for segment in report.segments}
    told = report.hardly_reached(1 if visit.exact else least)
    return tuple(Unreached(names[key], counts.see(fits) or 0) for key, fits in told.items())


def _least(report: RunReport) -> int:
    return max(10, report.minimum_size)


def conflicts(visit: Visit, report: RunReport | None) -> tuple[Conflict, ...]:
    """Conflicts with enough people to be told, most first; what is fewer is not listed at all."""
    if report is None:
        return ()
    counts = Counts(visit.exact, _least(report))
    names = {segment.key: visit.tongue.pick(segment.name) for segment in report.segments}
    told = ((each, counts.see(each.people)) for each in report.overlaps)
    found = [Conflict(names[each.first], names[each.second], people) for each, people in told if people]
    return tuple(found[:MOST_SHOWN])
