"""What the workflows of profiles and comparisons answer: exact, and rounded for who may not see single people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from governance.vocabulary import Text
from segmentation.overlap import SchemeOverlap
from segmentation.profile import SegmentProfile
from segmentation.report import ROUND_TO, rounded_amount, rounded_count
from segmentation.store_figures import FigureRow, NoteRow


@dataclass(frozen=True)
class Value:
    """What share of the people brings what share of an amount."""

    of: str
    """margin or revenue."""
    people: float
    amount: float


@dataclass(frozen=True)
class Point:
    """The key figures of one run."""

    run: int
    at: datetime
    row: FigureRow
    before: int | None
    """People in the segment in the run before; retention is `row.stayed` of these."""

    @property
    def retention(self) -> float | None:
        """Share of the people of the run before who are still there."""
        if self.before is None or self.row.stayed is None or self.before <= 0:
            return None
        return min(1.0, self.row.stayed / self.before)

    def to_json(self, *, exact: bool, least: int = ROUND_TO) -> dict[str, Any]:
        """As the command line and the API print it."""
        told = figures_json(self.row, exact=exact, least=least)
        retention = self.retention if exact else self.rounded_retention(least)
        return {"run": self.run, "at": self.at.isoformat(), **told, "retention": retention}

    def rounded_retention(self, least: int = ROUND_TO) -> float | None:
        """From rounded numbers alone, so that it tells no more than they do."""
        stayed, before = self.row.stayed, self.before
        if stayed is None or before is None or min(stayed, before) < least:
            return None
        return min(1.0, int(rounded_count(stayed)) / int(rounded_count(before)))


def figures_json(row: FigureRow, *, exact: bool, least: int = ROUND_TO) -> dict[str, Any]:
    """Key figures as JSON: counts in tens and amounts so that ten people more or less do not show, unless exact."""
    if exact:
        return {key: value for key, value in row._asdict().items() if key not in {"run", "segment"}}
    return {
        "people": rounded_count(row.people, least),
        "revenue": rounded_amount(row.revenue, row.people),
        "margin": rounded_amount(row.margin, row.people),
        "active": None if row.active is None else rounded_count(row.active, least),
        "stayed": None if row.stayed is None else rounded_count(row.stayed, least),
        "currency": row.currency,
    }


@dataclass(frozen=True)
class SegmentShown:
    """One segment among the others of its scheme."""

    scheme: str
    label: Text
    version: int
    unit: str
    purpose: Text
    run: int
    at: datetime
    fact: int | None
    minimum: int
    holds: bool
    """Whether the present catalogue still carries the definition."""
    number: int
    segments: tuple[SegmentProfile, ...]
    figures: Mapping[str, FigureRow]
    """Of the live run, by segment."""
    overlaps: tuple[SchemeOverlap, ...]
    trend: tuple[Point, ...]
    notes: tuple[NoteRow, ...]

    @property
    def segment(self) -> SegmentProfile:
        """The one that was asked for."""
        return self.segments[self.number]

    @property
    def least(self) -> int:
        """The smallest number that may be told."""
        return max(ROUND_TO, self.minimum)

    @property
    def people_share(self) -> float | None:
        """Share of everybody in a segment that is told."""
        told = sum(segment.size or 0 for segment in self.segments)
        return self.segment.size / told if self.segment.size and told else None

    @property
    def value(self) -> Value | None:
        """The segment's share of the margin, else of the revenue; of the segments whose amount is told."""
        if self.segment.key not in self.figures or self.people_share is None:
            return None
        for of in ("margin", "revenue"):
            amounts = {key: getattr(row, of) for key, row in self.figures.items()}
            own, whole = amounts[self.segment.key], sum(amount or 0 for amount in amounts.values())
            if own is not None and whole > 0:
                return Value(of, self.people_share, own / whole)
        return None

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it: exact."""
        segment, value = self.segment, self.value
        return {
            **self._head(),
            "size": segment.size,
            "share": self.people_share,
            "value": asdict(value) if value else None,
            "features": [asdict(feature) for feature in segment.features],
            "levels": [asdict(level) for level in segment.levels],
            "figures": [point.to_json(exact=True) for point in self.trend],
            "overlaps": [self._overlap(each, each.cells[self.number]) for each in self.overlaps],
        }

    def rounded(self) -> dict[str, Any]:
        """For who sees no single people."""
        segment, value = self.segment, self.value
        return {
            **self._head(),
            "size": rounded_count(segment.size or 0, self.least),
            "share": None if self.people_share is None else round(self.people_share, 2),
            "value": {"of": value.of, "people": round(value.people, 2), "amount": round(value.amount, 2)}
            if value
            else None,
            "features": [
                asdict(feature) | {"people": rounded_count(feature.people, self.least)} for feature in segment.features
            ],
            "levels": [
                asdict(level) | {"people": rounded_count(level.people, self.least), "share": round(level.share, 2)}
                for level in segment.levels
            ],
            "figures": [point.to_json(exact=False, least=self.least) for point in self.trend],
            "overlaps": [self._overlap(each, each.rounded(self.least)[self.number]) for each in self.overlaps],
        }

    def _head(self) -> dict[str, Any]:
        segment = self.segment
        return {
            "scheme": self.scheme,
            "key": segment.key,
            "name": asdict(segment.name),
            "name_for_subject": asdict(segment.name_for_subject),
            "version": self.version,
            "unit": self.unit,
            "run": self.run,
            "at": self.at.isoformat(),
            "fact": self.fact,
            "minimum_size": self.minimum,
            "notes": [
                {"owner": note.owner, "strategy": note.strategy, "written_at": note.written_at.isoformat()}
                for note in self.notes
            ],
        }

    def _overlap(self, of: SchemeOverlap, row: tuple[int | None, ...]) -> dict[str, Any]:
        """People of the segment in each segment of the other scheme, and in none; null is not told."""
        return {"scheme": of.scheme, "segments": dict(zip(of.keys, row[:-1], strict=True)), "in_none": row[-1]}


@dataclass(frozen=True)
class Comparison:
    """Two to four segments of a run."""

    scheme: str
    label: Text
    unit: str
    run: int
    fact: int | None
    minimum: int
    segments: tuple[SegmentProfile, ...]
    everybody: tuple[SegmentProfile, ...]
    """Every segment of the scheme."""
    figures: tuple[FigureRow | None, ...]

    @property
    def least(self) -> int:
        """The smallest number that may be told."""
        return max(ROUND_TO, self.minimum)

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it: exact."""
        return self._json(exact=True)

    def rounded(self) -> dict[str, Any]:
        """For who sees no single people."""
        return self._json(exact=False)

    def _json(self, *, exact: bool) -> dict[str, Any]:
        pairs = zip(self.segments, self.figures, strict=True)
        return {
            "scheme": self.scheme,
            "unit": self.unit,
            "run": self.run,
            "segments": [self._segment(segment, row, exact=exact) for segment, row in pairs],
        }

    def _segment(self, segment: SegmentProfile, row: FigureRow | None, *, exact: bool) -> dict[str, Any]:
        return {
            "key": segment.key,
            "name": asdict(segment.name),
            "size": segment.size if exact else rounded_count(segment.size or 0, self.least),
            "figures": None if row is None else figures_json(row, exact=exact, least=self.least),
            "features": [
                asdict(feature) | ({} if exact else {"people": rounded_count(feature.people, self.least)})
                for feature in segment.features
            ],
        }
