"""What sets segments apart: sizes, means with effect sizes, revenue shares. Aggregates only, of what is permitted now.

Neither a person nor a value that was withheld since the run is counted; the records themselves change at the next run.

Effect size is Cohen's d with a 95 % interval: the difference of two means in pooled standard deviations, the same
whatever the number of people, unlike a p-value. Segments below the minimum size show nothing but that (XPT-3).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from consent import store as consent_store
from governance.purposes import Purpose
from governance.vocabulary import Text, Unit
from segmentation import store_assignments, store_exports
from segmentation.facts import Facts, Floats, Values, values_of
from segmentation.inputs import NUMERIC, Feature, Measure, Quantity
from segmentation.membership import Live, members
from segmentation.models import Model
from segmentation.periods import day_of
from segmentation.record import NO_SEGMENT, unpack_many
from segmentation.report import rounded

Ids = NDArray[np.int64]

__all__ = ["FeatureProfile", "Profile", "SegmentProfile", "profile", "rounded"]


@dataclass(frozen=True)
class FeatureProfile:
    """One feature of a segment against everybody else in the scheme."""

    key: str
    label: Text
    quantity: str
    measure: str | None
    """Of orders; None for a field as it stands."""
    people: int
    """Members with a known value."""
    mean: float
    rest: float | None
    """Mean of the other segments; None where nobody is in one."""
    effect: float | None
    """Cohen's d; None where there is no spread."""
    low: float | None
    high: float | None


@dataclass(frozen=True)
class LevelProfile:
    """The most common value of a category among the members, and how many have it."""

    key: str
    label: Text
    level: str
    people: int
    share: float
    """Of the members whose value is known."""


@dataclass(frozen=True)
class SegmentProfile:
    """One segment; everything but the names is None below the minimum size."""

    key: str
    name: Text
    name_for_subject: Text
    size: int | None
    revenue_share: float | None
    """Share of the revenue of all members, where the scheme measures a sum."""
    features: tuple[FeatureProfile, ...]
    levels: tuple[LevelProfile, ...] = ()


@dataclass(frozen=True)
class Profile:
    """A scheme's segments, described."""

    segments: tuple[SegmentProfile, ...]

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return asdict(self)


@dataclass
class _Sums:
    """Counts, sums and sums of squares, each (features, segments)."""

    counts: Floats
    sums: Floats
    squares: Floats
    sizes: NDArray[np.int64]
    levels: Mapping[int, NDArray[np.int64]]
    """Of each category, by its place among the features: people by segment and level."""


def profile(connection: Connection, of: Live, purpose: Purpose, *, now: datetime, minimum: int) -> Profile:
    """Describe the segments of a live run by the records of those who are members now."""
    model, count = of.model, len(of.model.segments)
    features = [feature for feature in model.features if feature.quantity in NUMERIC]
    shape = (len(features), count)
    levels = {
        index: np.zeros((count, len(feature.levels) + 1), dtype=np.int64)
        for index, feature in enumerate(model.features)
        if feature.quantity is Quantity.LEVEL
    }
    sums = _Sums(np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(count, dtype=np.int64), levels)
    segment_of = _segments(connection, of, purpose, now)
    today = day_of(of.run.now, model.zone)
    withheld = consent_store.withheld_by_field(connection, purpose.key)
    hidden = [_withholding(connection, feature, withheld, of.unit) for feature in model.features]
    wanted = [index for index, feature in enumerate(model.features) if feature.quantity in NUMERIC]
    for block in store_assignments.rows_of(connection, of.run.id):
        records = unpack_many(b"".join(row.record for row in block), model.layout)
        subjects = records["subject"].astype(np.int64)
        values = values_of(model.features, _facts(model, records), today=today)
        for index, ids in enumerate(hidden):
            values.known[index] &= ~np.isin(subjects, ids)
        _add(sums, values, wanted, segment_of.take(subjects))
    return Profile(tuple(_segment(number, model, features, sums, minimum) for number in range(count)))


def _withholding(connection: Connection, feature: Feature, withheld: Mapping[str, Ids], unit: Unit) -> Ids:
    """Whose value of a feature may not be told: they withhold a field it needs, or one of their contacts does."""
    nobody = np.zeros(0, dtype=np.int64)
    named = [withheld.get(field, nobody) for field in (feature.field, feature.category_field) if field]
    people = np.unique(np.concatenate(named))
    if unit is Unit.ACCOUNT and feature.measure is not None:
        return np.union1d(people, store_exports.accounts_of(connection, people))
    return people


@dataclass(frozen=True)
class _SegmentOf:
    subjects: NDArray[np.int64]
    segments: NDArray[np.int16]

    def take(self, subjects: NDArray[np.int64]) -> NDArray[np.int16]:
        if not len(self.subjects):
            return np.full(len(subjects), NO_SEGMENT, dtype=np.int16)
        places = np.minimum(np.searchsorted(self.subjects, subjects), len(self.subjects) - 1)
        return np.where(self.subjects[places] == subjects, self.segments[places], NO_SEGMENT).astype(np.int16)


def _segments(connection: Connection, of: Live, purpose: Purpose, now: datetime) -> _SegmentOf:
    batches = list(members(connection, of, purpose, now=now))
    subjects = np.concatenate([np.zeros(0, dtype=np.int64), *(batch.subjects for batch in batches)])
    segments = np.concatenate([np.zeros(0, dtype=np.int16), *(batch.segments for batch in batches)])
    order = np.argsort(subjects)
    return _SegmentOf(subjects[order], segments[order])


def _facts(model: Model, records: NDArray[np.void]) -> Facts:
    slots = model.layout.facts
    if not slots:
        return Facts(np.zeros((0, len(records))), np.zeros((0, len(records)), dtype=bool))
    present = np.unpackbits(records["presence"], axis=1, count=slots).astype(bool).T
    return Facts(np.ascontiguousarray(records["facts"].T.astype(np.float64)), np.ascontiguousarray(present))


def _add(sums: _Sums, values: Values, wanted: list[int], segments: NDArray[np.int16]) -> None:
    count = len(sums.sizes)
    inside = segments >= 0
    sums.sizes += np.bincount(segments[inside], minlength=count)
    for row, index in enumerate(wanted):
        use = inside & values.usable[index]
        numbers, cells = values.numbers[index][use], segments[use]
        sums.counts[row] += np.bincount(cells, minlength=count)
        sums.sums[row] += np.bincount(cells, weights=numbers, minlength=count)
        sums.squares[row] += np.bincount(cells, weights=numbers * numbers, minlength=count)
    for index, table in sums.levels.items():
        use = inside & values.usable[index]
        np.add.at(table, (segments[use], values.numbers[index][use].astype(np.int64)), 1)


def _segment(number: int, model: Model, features: list[Feature], sums: _Sums, minimum: int) -> SegmentProfile:
    segment, size = model.segments[number], int(sums.sizes[number])
    if size < minimum:
        return SegmentProfile(segment.key, segment.name, segment.name_for_subject, None, None, ())
    told = (_feature(feature, row, number, sums, minimum) for row, feature in enumerate(features))
    return SegmentProfile(
        segment.key,
        segment.name,
        segment.name_for_subject,
        size,
        _revenue_share(features, number, sums),
        tuple(each for each in told if each is not None),
        tuple(_levels(model, number, sums, minimum)),
    )


def _levels(model: Model, number: int, sums: _Sums, minimum: int) -> Iterator[LevelProfile]:
    """The most common level of each category, where at least the minimum has it; never a value outside the list."""
    for index, table in sums.levels.items():
        feature, counts = model.features[index], table[number, :-1]
        if len(counts) and counts.max() >= minimum:
            most = int(counts.argmax())
            share = float(counts[most] / table[number].sum())
            yield LevelProfile(feature.key, feature.label, feature.levels[most], int(counts[most]), share)


def _feature(feature: Feature, row: int, number: int, sums: _Sums, minimum: int) -> FeatureProfile | None:
    own = _Moments.of(sums, row, number)
    whole = _Moments(*(float(part[row].sum()) for part in (sums.counts, sums.sums, sums.squares)))
    rest = _Moments(whole.count - own.count, whole.total - own.total, whole.squares - own.squares)
    if own.count < minimum:
        return None
    known_rest = rest.count >= minimum
    effect = cohens_d(own, rest) if known_rest else None
    low, high = interval(effect, own.count, rest.count) if effect is not None else (None, None)
    return FeatureProfile(
        key=feature.key,
        label=feature.label,
        quantity=feature.quantity.value,
        measure=feature.measure.value if feature.measure else None,
        people=int(own.count),
        mean=own.mean,
        rest=rest.mean if known_rest else None,
        effect=effect,
        low=low,
        high=high,
    )


@dataclass(frozen=True)
class _Moments:
    count: float
    total: float
    squares: float

    @classmethod
    def of(cls, sums: _Sums, row: int, number: int) -> _Moments:
        return cls(*(float(part[row, number]) for part in (sums.counts, sums.sums, sums.squares)))

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def spread(self) -> float:
        """Sum of squared deviations from the mean."""
        return max(self.squares - self.total * self.total / self.count, 0.0)


def cohens_d(own: _Moments, rest: _Moments) -> float | None:
    """Difference of the means in pooled standard deviations; None without spread."""
    freedom = own.count + rest.count - 2
    pooled = math.sqrt((own.spread + rest.spread) / freedom) if freedom > 0 else 0.0
    return (own.mean - rest.mean) / pooled if pooled > 0 else None


def interval(effect: float, own: float, rest: float) -> tuple[float, float]:
    """95 % interval of Cohen's d by its large-sample standard error."""
    error = math.sqrt((own + rest) / (own * rest) + effect * effect / (2 * (own + rest)))
    return effect - 1.96 * error, effect + 1.96 * error


def _revenue_share(features: list[Feature], number: int, sums: _Sums) -> float | None:
    rows: Mapping[int, Feature] = dict(enumerate(features))
    row = next((index for index, feature in rows.items() if feature.measure is Measure.SUM), None)
    if row is None or sums.sums[row].sum() <= 0:
        return None
    return float(sums.sums[row, number] / sums.sums[row].sum())
