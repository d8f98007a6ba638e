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


def conflicts(visit: Visit, report: RunReport | None) -> tuple[Conflict, ...]:
    """Conflicts with enough people to be told, most first; what is fewer is not listed at all."""
    if report is None:
        return ()
    counts = Counts(visit.exact, max(10, report.minimum_size))
    names = {segment.key: visit.tongue.pick(segment.name) for segment in report.segments}
    told = ((each, counts.see(each.people)) for each in report.overlaps)
    found = [Conflict(names[each.first], names[each.second], people) for each, people in told if people]
    return tuple(found[:MOST_SHOWN])
