"""Fitting latent classes with StepMix's EM; apart from the scoring, which only adds stored logarithms.

People with the same answers are one row with a weight. Many random starts by a seed compete on a part of the people,
because the likelihood has many tops; how many starts came to the best one is told. The best is climbed to its top on
everybody. Missing answers are left out of the likelihood; whoever gave fewer than half of them is left out of the fit.
Where a range of numbers is given, the least BIC (Schwarz 1978) chooses. Classes are numbered by size.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.errors import DefinitionInvalid, Mistake, NothingToFit
from segmentation.facts import Floats, Values
from segmentation.inputs import Feature, Quantity
from segmentation.methods.latent_class import Answers, Item, LatentClassMethod, answers_of, binned, log_joint
from segmentation.methods.posterior import log_likelihood, posterior, relative_entropy
from segmentation.settings.latent_class import MOST_CODES, LatentClassSettings

PART = 2_000
"""Starts compete on so many people."""
START_TOLERANCE, START_LONGEST = 1e-7, 100
TOLERANCE, LONGEST = 1e-13, 10_000
ROWS_A_CLIMB = 20_000_000
"""Rows times rounds of the last climb, so that a large sample does not climb for ever."""
LEAST = 1e-9
"""No answer is impossible in a class; a probability of zero would let one answer outweigh all the others."""


@dataclass(frozen=True)
class Rows:
    """Different answers, (items, rows), and how many people gave each."""

    answers: Answers
    people: NDArray[np.int64]


@dataclass(frozen=True)
class _Tried:
    """One number of classes and what speaks for it."""

    method: LatentClassMethod
    log_likelihood: float
    bic: float
    entropy: float
    agreeing: int

    def told(self) -> dict[str, int | str]:
        return {
            "log_likelihood": f"{self.log_likelihood:.6f}",
            "bic": f"{self.bic:.6f}",
            "entropy": f"{self.entropy:.6f}",
            "starts_agreeing": self.agreeing,
        }


def fit_latent_class(
    settings: LatentClassSettings, features: Sequence[Feature], values: Values
) -> tuple[LatentClassMethod, dict[str, int | str]]:
    """The classes of a sample with gaps, and how good they are.

    Args:
        features: those of *values*; those of the settings are among them.
        values: of the sample; `none` is an answer of its own wherever it occurs.

    Raises:
        NothingToFit: fewer different answers than classes, or an item that nobody answered.
        DefinitionInvalid: a number without cut points has too many different values.
    """
    items = items_of(settings, features, values)
    rows = _rows(answers_of(items, features, values))
    most = settings.numbers[-1]
    if len(rows.people) < most or any(not item.answers for item in items):
        raise NothingToFit(len(rows.people) if all(item.answers for item in items) else 0, most)
    tried = [_try(settings, items, rows, k) for k in settings.numbers]
    best = min(tried, key=lambda each: (each.bic, len(each.method.shares)))
    told = best.told() | {"starts": settings.restarts, "patterns": len(rows.people)}
    told |= {
        f"by_size_{number}_share": f"{math.exp(share):.6f}" for number, share in enumerate(best.method.shares, start=1)
    }
    if len(tried) > 1:
        for each in tried:
            told |= {f"k{len(each.method.shares)}_{name}": value for name, value in each.told().items()}
    return best.method, told


def items_of(settings: LatentClassSettings, features: Sequence[Feature], values: Values) -> tuple[Item, ...]:
    """Each feature with the answers that the sample knows."""
    index = {feature.key: row for row, feature in enumerate(features)}
    return tuple(_item(features[index[key]], settings.cuts(key), values, index[key]) for key in settings.features)


def _item(feature: Feature, cuts: tuple[float, ...], values: Values, row: int) -> Item:
    codes = np.unique(binned(values.numbers[row], cuts)[values.usable[row]])
    if feature.quantity is Quantity.LEVEL:
        codes = codes[codes < len(feature.levels)]
    elif not cuts and len(codes) > MOST_CODES:
        what = f"{feature.key!r} has more than {MOST_CODES} different values: give its cut points under bins"
        raise DefinitionInvalid(Mistake("$.latent_class.features", what))
    none = bool((values.known[row] & values.none[row]).any())
    return Item(feature.key, cuts, tuple(codes.tolist()), none)


def _rows(answers: Answers) -> Rows:
    """Each combination of answers once; whoever gave fewer than half is left out."""
    enough = 2 * (answers >= 0).sum(axis=0) >= len(answers)
    found, people = np.unique(answers[:, enough], axis=1, return_counts=True)
    return Rows(found.astype(np.int64), people.astype(np.int64))


def parameters(items: Sequence[Item], k: int) -> int:
    """How many probabilities the classes may choose freely."""
    return k - 1 + k * sum(item.answers - 1 for item in items)


def _try(settings: LatentClassSettings, items: tuple[Item, ...], rows: Rows, k: int) -> _Tried:
    start, agreeing = _best_start(settings, items, _part(rows, settings.seed), k)
    method = _climbed(start, rows)
    logs = log_joint(method, rows.answers)
    total = float((log_likelihood(logs) * rows.people).sum())
    bic = parameters(items, k) * math.log(int(rows.people.sum())) - 2 * total
    entropy = relative_entropy(np.repeat(posterior(logs), rows.people, axis=1))
    order = sorted(range(k), key=lambda number: (-method.shares[number], number))
    return _Tried(method.ordered(order), total, bic, entropy, agreeing)


def _part(rows: Rows, seed: int) -> Rows:
    """The people that the starts compete on."""
    total = int(rows.people.sum())
    if total <= PART:
        return rows
    people = np.random.default_rng(seed).multivariate_hypergeometric(rows.people, PART, method="marginals")
    return Rows(rows.answers[:, people > 0], people[people > 0])


def _best_start(
    settings: LatentClassSettings, items: tuple[Item, ...], rows: Rows, k: int
) -> tuple[LatentClassMethod, int]:
    """The best of the random starts, and how many came to it."""
    from stepmix.stepmix import StepMix

    codes = np.where(rows.answers >= 0, rows.answers, np.nan).T
    measurement = "categorical" if (rows.answers >= 0).all() else "categorical_nan"
    random = np.random.default_rng(settings.seed)
    best, ends = None, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a start may be cut short: the best one is climbed to its top anyway
        for _ in range(settings.restarts):
            fitted = StepMix(
                n_components=k,
                measurement=measurement,
                abs_tol=START_TOLERANCE,
                max_iter=START_LONGEST,
                random_state=int(random.integers(2**31)),
                verbose=0,
                progress_bar=0,
            ).fit(codes, sample_weight=rows.people.astype(np.float64))
            ends.append(float(fitted.lower_bound_))
            best = fitted if ends[-1] >= max(ends) else best
    top = max(ends)
    if best is None:
        raise NothingToFit(0, k)
    found = best.get_parameters()
    probabilities = np.asarray(found["measurement"]["pis"], dtype=np.float64).reshape(k, len(items), -1)
    method = _stored(items, np.asarray(found["weights"], dtype=np.float64), list(probabilities.transpose(1, 0, 2)))
    return method, sum(end >= top - 1e-4 * abs(top) for end in ends)


def _stored(items: tuple[Item, ...], shares: Floats, tables: Sequence[Floats]) -> LatentClassMethod:
    """Logarithms of shares and of each item's table, (classes, answers); a table may be narrower or wider."""
    logs = []
    for item, table in zip(items, tables, strict=True):
        width = max(item.answers - table.shape[1], 0)
        part = np.pad(np.nan_to_num(table), ((0, 0), (0, width)))[:, : item.answers]
        logs.append(np.log(np.maximum(part, LEAST)))
    return LatentClassMethod(
        items,
        tuple(np.log(np.maximum(shares, LEAST)).tolist()),
        tuple(tuple(tuple(log[group].tolist()) for log in logs) for group in range(len(shares))),
    )


def _climbed(method: LatentClassMethod, rows: Rows) -> LatentClassMethod:
    """The top above a start: rounds of EM on everybody until nothing is gained any more."""
    total, before = float(rows.people.sum()), -math.inf
    rounds = min(LONGEST, max(ROWS_A_CLIMB // len(rows.people), 50))
    for _ in range(rounds):
        logs = log_joint(method, rows.answers)
        mean = float((log_likelihood(logs) * rows.people).sum()) / total
        if mean - before < TOLERANCE:
            break
        before = mean
        belonging = posterior(logs) * rows.people
        tables = [_table(row, belonging, item.answers) for row, item in zip(rows.answers, method.items, strict=True)]
        method = _stored(method.items, belonging.sum(axis=1) / total, tables)
    return method


def _table(row: NDArray[np.int64], belonging: Floats, answers: int) -> Floats:
    """Each class's share of each answer among those who gave one, (classes, answers)."""
    there = row >= 0
    counts = np.stack([np.bincount(row[there], weights=group[there], minlength=answers) for group in belonging])
    shares: Floats = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
    return shares
