"""Sets as ascending arrays say the same as sets."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from consent.sorted_ids import among, common, indices

IDS = st.sets(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 40), max_size=60)


def ascending(ids: set[int]) -> np.ndarray:
    return np.array(sorted(ids), dtype=np.int64)


@given(IDS, IDS)
def test_sorted_arrays_say_what_sets_say(one: set[int], other: set[int]) -> None:
    """Nobody is lost and nobody is added on the way, however the sizes differ."""
    assert among(ascending(one), ascending(other)).tolist() == [each in other for each in sorted(one)]
    assert common(ascending(one), ascending(other)).tolist() == sorted(one & other)


@given(st.lists(st.tuples(st.integers(0, 2**40), st.booleans()), max_size=40))
def test_indices_are_null_exactly_where_a_cell_is_empty(cells: list[tuple[int, bool]]) -> None:
    """Article 21(1) GDPR: an emptied cell has no value at all."""
    places = np.array([place for place, _ in cells], dtype=np.int64)
    empty = np.array([none for _, none in cells], dtype=np.bool_)
    assert indices(places, empty).to_pylist() == [None if none else place for place, none in cells]
