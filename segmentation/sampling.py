"""Complete cases to fit a model on, drawn by their number and a seed: even, repeatable, within bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from segmentation.definitions import Definition
from segmentation.facts import Bools, Floats, values_of
from segmentation.features import FactBatch, FactSource, Subjects

_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Sample:
    """Subjects, and their feature values (features, people); `share` is that of complete cases among those drawn."""

    subjects: Subjects
    rows: Floats
    share: float
    none: Bools
    """Where it is known that there is nothing to measure, (features, people)."""


def sample(
    source: FactSource,
    definition: Definition,
    keys: Sequence[str],
    population: int,
    *,
    today: int,
    rows: int,
    seed: int,
    gaps: bool = False,
) -> Sample:
    """About *rows* people drawn by their number and the seed.

    Args:
        keys: the features wanted, in order.
        gaps: also whoever lacks some of them, with NaN; at least half must be there. Else complete cases only.
    """
    index = {feature.key: position for position, feature in enumerate(definition.features)}
    wanted = [index[key] for key in keys]
    subjects, numbers = [np.zeros(0, dtype=np.int64)], [np.zeros((len(keys), 0))]
    none = [np.zeros((len(keys), 0), dtype=bool)]
    drawn = complete = 0
    for batch in source.batches():
        part = _drawn(batch, rows / max(population, 1), seed)
        values = values_of(definition.features, part.facts, today=today)
        usable = values.usable[wanted]
        whole = np.asarray(usable.all(axis=0), dtype=bool)
        drawn, complete = drawn + len(whole), complete + int(whole.sum())
        taken = 2 * values.known[wanted].sum(axis=0) >= len(wanted) if gaps else whole
        subjects.append(part.subjects[taken])
        numbers.append(np.where(usable, values.numbers[wanted], np.nan)[:, taken])
        none.append(values.none[wanted][:, taken])
    share = complete / drawn if drawn else 0.0
    return Sample(np.concatenate(subjects), np.concatenate(numbers, axis=1), share, np.concatenate(none, axis=1))


def drawn_by(subjects: Subjects, share: float, seed: int) -> Bools:
    """Who is drawn: about that share, the same people whenever asked."""
    if share >= 1:
        return np.ones(len(subjects), dtype=bool)
    chosen: Bools = _hash(subjects, seed) < np.uint64(share * 2**64)
    return chosen


def halved(subjects: Subjects, seed: int) -> Bools:
    """One of two halves, independent of who is drawn by the same seed."""
    half: Bools = (_hash(subjects, seed) & np.uint64(1)).astype(bool)
    return half


def _drawn(batch: FactBatch, share: float, seed: int) -> FactBatch:
    if share >= 1:
        return batch
    chosen = drawn_by(batch.subjects, share, seed)
    facts = replace(batch.facts, values=batch.facts.values[:, chosen], present=batch.facts.present[:, chosen])
    return FactBatch(batch.subjects[chosen], facts)


def _hash(subjects: Subjects, seed: int) -> NDArray[np.uint64]:
    """SplitMix64 of number and seed: an even draw that needs no memory."""
    with np.errstate(over="ignore"):
        mixed = subjects.astype(np.uint64) + _MIX * np.uint64(seed + 1)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
