"""What the tests of the kinds share: features without a catalogue, values without a store, one person of many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from governance.vocabulary import Text
from segmentation.facts import Values
from segmentation.inputs import MEASURE_QUANTITY, Feature, Measure, Quantity
from segmentation.methods.scores import Scores
from segmentation.reading import canonical, digest_of


def a_feature(key: str, quantity: Quantity = Quantity.NUMBER, levels: tuple[str, ...] = ()) -> Feature:
    """A profile field as it stands."""
    return Feature(key, Text(f"Feld {key}", f"field {key}"), key, quantity, levels=levels)


def a_measure(key: str, measure: Measure, window: str | None = "P24M") -> Feature:
    """A measure of orders in a window."""
    label = Text(f"Maß {key}", f"measure {key}")
    return Feature(
        key, label, "orders", MEASURE_QUANTITY[measure], measure, window=window, kinds=("order",), currency="EUR"
    )


def given(rows: Any, known: Any = None, none: Any = None) -> Values:
    """Values of people, (features, people); all known unless said otherwise."""
    numbers = np.array(rows, dtype=np.float64)
    there = np.ones(numbers.shape, bool) if known is None else np.array(known, dtype=bool)
    nothing = np.zeros(numbers.shape, bool) if none is None else np.array(none, dtype=bool)
    return Values(np.where(there & ~nothing, numbers, 0.0), there, nothing & there)


def person(values: Values, position: int) -> Values:
    """One of them alone."""
    part = slice(position, position + 1)
    return Values(values.numbers[:, part].copy(), values.known[:, part].copy(), values.none[:, part].copy())


def assert_same_one_by_one(score: Callable[[Values], Scores], values: Values) -> None:
    """A batch and each of its people alone: the same segment, strengths at most 1e-9 apart."""
    batch = score(values)
    for position in range(values.numbers.shape[1]):
        one = score(person(values, position))
        assert one.segment[0] == batch.segment[position]
        assert one.assessed[0] == batch.assessed[position]
        assert abs(int(one.strength[0]) - int(batch.strength[position])) <= 1


def assert_comes_back(method: Any, read: Callable[[Any], Any]) -> None:
    """Through JSON text and back: the same method and the same digest."""
    import json

    text = canonical(method.to_json())
    again = read(json.loads(text))
    assert again == method
    assert digest_of(canonical(again.to_json())) == digest_of(text)
