"""Facts of permitted people: measures of activities as Ibis expressions run in the store, beside profile cells.

Takes a permitted population and nothing else. A withheld cell is unknown, never zero and never guessed; whoever
withholds their activities has unknown measures, not empty ones. Activities older than a window change nothing (PRI-5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from consent.permission import PermittedBatch, PermittedPopulation
from governance.catalogue import Catalogue
from segmentation.definition_features import RETURN
from segmentation.facts import Facts, Floats
from segmentation.inputs import Feature, Part, Quantity, folded
from segmentation.periods import days_before, parse_period

Subjects = NDArray[np.int64]
ROWS = 65_536
CACHE_BYTES = 128 * 1024 * 1024
"""Facts of small populations stay in memory between passes; of large ones each pass reads them again."""

_NONE_IF_ABSENT = (Part.LAST_DAY, Part.FIRST_DAY)


@dataclass(frozen=True)
class FactBatch:
    """Some people, ascending, and their facts."""

    subjects: Subjects
    facts: Facts


class FactSource:
    """The facts of a population, in batches of ascending subjects, as often as asked."""

    def __init__(
        self,
        population: PermittedPopulation,
        features: Sequence[Feature],
        catalogue: Catalogue,
        *,
        today: int,
        stated_by: int | None = None,
    ) -> None:
        self._population = population
        self._stated_by = stated_by
        self._features = tuple(features)
        self._catalogue = catalogue
        self._today = today
        self._slots = sum(len(feature.parts) for feature in features)
        self._cache: list[FactBatch] | None = None

    @property
    def slots(self) -> int:
        """Facts per person."""
        return self._slots

    @property
    def population(self) -> PermittedPopulation:
        """Whose facts these are."""
        return self._population

    @property
    def catalogue(self) -> Catalogue:
        """What the fields mean."""
        return self._catalogue

    def on(self, day: int, features: Sequence[Feature], *, stated_by: int) -> FactSource:
        """The same people, permitted as they are now, as they stood at the end of a past day.

        Nothing that was done after *day* changes a fact. Profiles keep no history: a value stated after *stated_by* is
        unknown rather than guessed back.
        """
        return FactSource(self._population, features, self._catalogue, today=day, stated_by=stated_by)

    @property
    def small(self) -> bool:
        """Whether everybody's facts stay in memory between passes."""
        return self._population.size * (9 * self._slots + 8) <= CACHE_BYTES

    def batches(self) -> Iterator[FactBatch]:
        """Everybody's facts, *ROWS* people at a time."""
        if self._cache is not None:
            yield from self._cache
            return
        past = self._stated_by is not None  # read once, to learn from; there is no second pass to keep it for
        keep: list[FactBatch] | None = [] if self.small and not past else None
        for batch in self._read():
            if keep is not None:
                keep.append(batch)
            yield batch
        self._cache = keep

    def _read(self) -> Iterator[FactBatch]:
        readers = self._readers()
        for batch in self._population.batches(rows=ROWS, stated_by=self._stated_by):
            people = len(batch.subjects)
            facts = Facts(np.zeros((self._slots, people)), np.zeros((self._slots, people), dtype=bool))
            slot = 0
            for feature in self._features:
                if feature.measure is None:
                    _fill_from_profile(feature, batch, facts, slot)
                slot += len(feature.parts)
            for reader in readers:
                reader.fill(batch.subjects, facts)
            yield FactBatch(batch.subjects, facts)

    def _readers(self) -> list[_ActivityReader]:
        groups: dict[str, list[tuple[int, Feature]]] = {}
        slot = 0
        for feature in self._features:
            if feature.measure is not None:
                groups.setdefault(feature.field, []).append((slot, feature))
            slot += len(feature.parts)
        return [_ActivityReader(self._population, self._catalogue, members, self._today) for members in groups.values()]


def _fill_from_profile(feature: Feature, batch: PermittedBatch, facts: Facts, slot: int) -> None:
    cells = batch.cells[feature.field]
    known = ~_mask(cells.is_null())
    if feature.quantity is Quantity.LEVEL:
        position = _positions(cells.cast(pa.string()), feature)
        numbers = _floats(position, nulls=float(len(feature.levels)))
    else:
        numbers = _floats(cells, nulls=0.0)
    facts.present[slot] = known
    facts.values[slot] = np.where(known, numbers, 0.0)


def _positions(words: Any, feature: Feature) -> Any:
    """Where each word stands among the levels; null for any other. As written goes before ignoring the case."""
    exact = pc.index_in(words, value_set=pa.array(feature.levels, pa.string()))
    if not feature.ignore_case:
        return exact
    plain = [None if word is None else folded(word) for word in words.to_pylist()]
    alike = pc.index_in(pa.array(plain, pa.string()), value_set=pa.array(map(folded, feature.levels), pa.string()))
    return pc.coalesce(exact, alike)


def _mask(array: Any) -> NDArray[np.bool_]:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)


def _floats(array: Any, *, nulls: float) -> Floats:
    if pa.types.is_date32(array.type):
        array = array.cast(pa.int32())
    numbers = pc.fill_null(array.cast(pa.float64()), nulls)
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)


class _ActivityReader:
    """Measures of one field of activities, joined to ascending batches of people by subject."""

    def __init__(
        self,
        population: PermittedPopulation,
        catalogue: Catalogue,
        members: Sequence[tuple[int, Feature]],
        today: int,
    ) -> None:
        self._slots = [(slot + offset, part) for slot, feature in members for offset, part in enumerate(feature.parts)]
        self._hidden = [_hidden_from(population, feature) for _, feature in members for _ in feature.parts]
        features = [feature for _, feature in members]
        category = next((feature.category_field for feature in features if feature.category_field), None)
        relation = population.activities(
            catalogue.fields[features[0].field], catalogue.fields[category] if category else None
        )
        self._rows = population.run_sql(measures(relation, features, today=today))
        self._pending: list[tuple[Subjects, Floats]] = []

    def fill(self, subjects: Subjects, facts: Facts) -> None:
        """Write the facts of these people; who has no activity gets 0 or none, who withholds them nothing."""
        found, values = self._up_to(int(subjects[-1]))
        places = np.searchsorted(subjects, found)
        for row, (slot, part) in enumerate(self._slots):
            column, known = facts.values[slot], facts.present[slot]
            column[:] = np.nan if part in _NONE_IF_ABSENT else 0.0
            column[places] = values[row]
            known[:] = True
            if len(self._hidden[row]):
                unknown = np.isin(subjects, self._hidden[row], assume_unique=True)
                column[unknown] = 0.0
                known[unknown] = False

    def _up_to(self, last: int) -> tuple[Subjects, Floats]:
        while not self._pending or self._pending[-1][0][-1] < last:
            batch = next(self._rows, None)
            if batch is None:
                break
            if batch.num_rows:
                self._pending.append(self._columns(batch))
        if not self._pending:
            return np.zeros(0, dtype=np.int64), np.zeros((len(self._slots), 0))
        subjects = np.concatenate([part for part, _ in self._pending])
        values = np.concatenate([part for _, part in self._pending], axis=1)
        split = int(np.searchsorted(subjects, last, side="right"))
        self._pending = [(subjects[split:], values[:, split:])] if split < len(subjects) else []
        return subjects[:split], values[:, :split]

    def _columns(self, batch: Any) -> tuple[Subjects, Floats]:
        subjects = np.asarray(batch.column("subject").cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)
        rows = [
            _floats(batch.column(f"f{row}"), nulls=np.nan if part in _NONE_IF_ABSENT else 0.0)
            for row, (_, part) in enumerate(self._slots)
        ]
        return subjects, np.stack(rows)


def measures(relation: Any, features: Sequence[Feature], *, today: int) -> Any:
    """One row per subject with activities: columns `subject`, then `f0`, `f1` … for the facts in order."""
    columns: dict[str, Any] = {}
    for feature in features:
        for part in feature.parts:
            columns[f"f{len(columns)}"] = _measure(relation, feature, part, today)
    return relation.group_by("subject").aggregate(**columns).order_by("subject")


def _measure(relation: Any, feature: Feature, part: Part, today: int) -> Any:
    kinds = (RETURN,) if part is Part.RETURNED else feature.kinds
    counts = [relation.kind.isin(kinds), relation.day <= today]
    period = parse_period(feature.window) if feature.window else None
    if period is not None:
        counts.append(relation.day >= days_before(today, period))
    if part in (Part.CATEGORY_AMOUNT, Part.CATEGORY_OCCASIONS):
        counts.append(relation.category == feature.category)
    if part in (Part.AMOUNT, Part.RETURNED, Part.CATEGORY_AMOUNT):
        counts.append(relation.currency == feature.currency)
    where = reduce(and_, counts)
    if part is Part.LAST_DAY:
        return relation.day.max(where=where)
    if part is Part.FIRST_DAY:
        return relation.day.min(where=where)
    if part in (Part.OCCASIONS, Part.CATEGORY_OCCASIONS):
        return relation.occasion.nunique(where=where)
    total = relation.amount.sum(where=where).cast("int64").fill_null(0)
    return -total if part is Part.RETURNED else total


def _hidden_from(population: PermittedPopulation, feature: Feature) -> Subjects:
    """Whoever withholds a field that the feature needs."""
    fields = [feature.field, feature.category_field] if feature.category_field else [feature.field]
    parts = [population.hidden.get(field, np.zeros(0, dtype=np.int64)) for field in fields]
    return np.unique(np.concatenate(parts))
