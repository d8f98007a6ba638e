"""Sets of subject ids as ascending arrays; numpy's own set functions sort what is sorted already. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ids = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def among(wanted: Ids, known: Ids) -> Mask:
    """For each of *wanted* whether it is in *known*; both ascending without repetition."""
    if not len(known):
        return np.zeros(len(wanted), np.bool_)
    if len(known) < len(wanted) // 8:  # mark the few rather than look up the many
        mask = np.zeros(len(wanted), np.bool_)
        mask[_places(known, wanted)] = True
        return mask
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    found: Mask = known[places] == wanted
    return found


def common(one: Ids, other: Ids) -> Ids:
    """What is in both, ascending."""
    few, many = (one, other) if len(one) <= len(other) else (other, one)
    found: Ids = few[among(few, many)]
    return found


def _places(few: Ids, many: Ids) -> Ids:
    places = np.searchsorted(many, few)
    fits = places < len(many)
    places, few = places[fits], few[fits]
    found: Ids = places[many[places] == few]
    return found


def indices(places: Ids, empty: Mask) -> pa.Array:
    """Indices for `take`, null where *empty*; made from the bytes, because asking Arrow would load pandas first."""
    values = np.ascontiguousarray(places, dtype=np.int64)
    valid = np.packbits(~empty, bitorder="little")
    buffers = [pa.py_buffer(valid.tobytes()), pa.py_buffer(values.tobytes())]
    return pa.Array.from_buffers(pa.int64(), len(values), buffers)
