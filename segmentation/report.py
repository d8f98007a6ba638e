"""What a run reports: exact counts for the operator, rounded ones for marketing; pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from governance.vocabulary import REASON_TEXT, Reason, Text

ROUND_TO = 10
POOLED = "other_reasons"
"""What left-out reasons are counted under that are too few to be told apart."""


@dataclass(frozen=True)
class SegmentCount:
    """One segment of a run: whom the model put there, and who is there after corrections and suppression."""

    key: str
    name: Text
    scored: int
    effective: int
    suppressed: bool


@dataclass(frozen=True)
class Overlap:
    """How many people the rules of two segments both fit; `first` comes first in precedence."""

    first: str
    second: str
    people: int


@dataclass(frozen=True)
class RunReport:
    """Exact counts of one run. `permitted` plus everybody left out is everybody, always."""

    run: int
    scheme: str
    version: int
    kind: str
    unit: str
    purpose: str
    now: str
    watermark: int
    total: int
    permitted: int
    left_out: Mapping[str, int]
    """By reason."""
    withheld: Mapping[str, int]
    """Permitted people who withhold a field that the scheme would use, by field."""
    not_assessed: int
    """Fewer than half the inputs known."""
    unmatched: int
    """Assessed, but no segment takes them."""
    suppressed: int
    """In no segment because theirs was smaller than the minimum."""
    corrected: int
    conflicts: int
    """Corrections that decide otherwise than the model would."""
    held: int
    """Kept in the last run's segment because the margin was small."""
    queued: int
    """Kept there because so many may move in one run and no more; they go first in the next."""
    second_time: int
    """Moved in spite of a small margin, because the run before wanted the same."""
    model_changed: int
    """Moved because the model was fitted anew, not because anything about them changed."""
    overtaken: int
    """Permitted, but taken out because they withheld data while the run was under way."""
    left: int
    """In the last run and not permitted any more."""
    moved: int
    """In another segment than in the last run."""
    agreement: str | None
    """Adjusted Rand index against the last run."""
    migration: tuple[tuple[int, ...], ...]
    """People by segment of the last run (row) and of this one (column); empty for a first run."""
    overlaps: tuple[Overlap, ...]
    """Segments that take some of the same people by their rules, the most first; precedence decides between them."""
    segments: tuple[SegmentCount, ...]
    minimum_size: int
    refitted: bool
    fit: Mapping[str, int | str]
    seconds: Mapping[str, float]
    definition: str
    model: str
    root: str
    size: int
    """Records, those of leavers included."""
    previous: int | None
    base: int | None = None
    """Run whose records stand for everybody this one has none of; None: it recorded everybody."""
    fits: Mapping[str, int] = field(default_factory=dict)
    """Assessed people whom the rule of a segment fits, whichever segment takes them; empty where no rule assigns."""

    @property
    def never_reached(self) -> dict[str, int]:
        """Segments whose rule fits people, all of whom earlier segments take, with how many it fits."""
        return self.hardly_reached(1)

    def hardly_reached(self, least: int) -> dict[str, int]:
        """Segments whose rule fits at least so many people, of whom earlier segments leave fewer than that.

        Marketing asks with the minimum size: whether nobody or a few are left is not told, nor when it changes.
        """
        scored = {segment.key: segment.scored for segment in self.segments}
        return {key: fits for key, fits in self.fits.items() if fits >= least > scored[key]}

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it and the run keeps it."""
        return asdict(self)


def report_from_json(text: str) -> RunReport:
    """The inverse of `RunReport.to_json`."""
    value = json.loads(text)
    value["migration"] = tuple(tuple(row) for row in value["migration"])
    value["overlaps"] = tuple(Overlap(**overlap) for overlap in value["overlaps"])
    value["segments"] = tuple(
        SegmentCount(**{**segment, "name": Text(segment["name"]["de"], segment["name"]["en"])})
        for segment in value["segments"]
    )
    return RunReport(**value)


def rounded_count(count: int, minimum: int = ROUND_TO) -> int | str:
    """A count to the nearest ten; below the minimum only that it is below, zero included."""
    return f"<{minimum}" if count < minimum else (count + ROUND_TO // 2) // ROUND_TO * ROUND_TO


def rounded_reasons(left_out: Mapping[str, int], minimum: int = ROUND_TO) -> dict[str, int | str]:
    """Left-out reasons, rounded; those below the minimum are pooled, so that nobody is counted alone."""
    large = {reason: count for reason, count in left_out.items() if count >= minimum}
    pooled = sum(count for reason, count in left_out.items() if reason not in large)
    shown = {reason: rounded_count(count, minimum) for reason, count in large.items()}
    return {**shown, POOLED: rounded_count(pooled, minimum)} if pooled else shown


def rounded(report: RunReport) -> dict[str, Any]:
    """The view for marketing: no count below ten, nothing that tells a run apart by one person (XPT-3)."""
    least = max(ROUND_TO, report.minimum_size)
    return {
        "run": report.run,
        "scheme": report.scheme,
        "now": report.now,
        "total": rounded_count(report.total),
        "permitted": rounded_count(report.permitted),
        "left_out": rounded_reasons(report.left_out),
        "not_assessed": rounded_count(report.not_assessed),
        "without_segment": rounded_count(report.unmatched + report.suppressed),
        "moved": rounded_count(report.moved),
        "overlaps": [
            {"first": each.first, "second": each.second, "people": rounded_count(each.people, least)}
            for each in report.overlaps
            if each.people >= least
        ],
        "never_reached": [
            {"segment": key, "fits": rounded_count(fits, least)} for key, fits in report.hardly_reached(least).items()
        ],
        "segments": [
            {
                "key": segment.key,
                "name": {"de": segment.name.de, "en": segment.name.en},
                "size": rounded_count(segment.effective, least),
            }
            for segment in report.segments
        ],
        "fit": dict(report.fit),
    }


def reason_text(reason: str) -> Text:
    """The words for a reason in `left_out`."""
    return REASON_TEXT[Reason(reason)]


def rounded_amount(amount: int | None, people: int) -> int | None:
    """A sum over people, rounded so that ten of them more or less would not show: to 1, 2 or 5 times a power of ten."""
    if amount is None:
        return None
    wanted = abs(amount) * ROUND_TO / max(people, 1)
    step = 1
    while step < wanted:
        step = step * 2 if str(step)[0] != "2" else step // 2 * 5
    return (amount + step // 2) // step * step
