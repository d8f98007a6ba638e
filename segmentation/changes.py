"""Whom a run has to record anew: everybody whose outcome or inputs differ from their newest record; pure.

Everybody is scored in every run, so that no change is missed. Strength is not compared: it moves with the days while
nothing happens. Nor are the flags that tell of one move alone, and have done so in the record of that move.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segmentation.record import Flag

OUTCOME = ("correction", "scored", "stable", "effective", "reason")
INPUTS = ("presence", "facts", "rules")
LASTING = 0xFFFF & ~int(Flag.SECOND_TIME | Flag.MODEL_CHANGED)
"""Flags that tell of a state, not of one move."""


def changed_only(records: NDArray[np.void], standing: NDArray[np.void]) -> NDArray[np.void]:
    """Those of some new records that say something else than what stands, in the same order.

    Args:
        records: one of everybody in a span, ascending by subject.
        standing: the newest records of the same span, ascending, of the same layout.
    """
    if not len(standing) or not len(records):
        return records
    known, wanted = standing["subject"].astype(np.int64), records["subject"].astype(np.int64)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    same: NDArray[np.bool_] = known[places] == wanted
    same[same] = _alike(records[same], standing[places[same]])
    return records[~same]


def _alike(new: NDArray[np.void], old: NDArray[np.void]) -> NDArray[np.bool_]:
    alike: NDArray[np.bool_] = (new["flags"] & LASTING) == (old["flags"] & LASTING)
    for name in OUTCOME:
        alike &= new[name] == old[name]
    for name in INPUTS:
        if name in (new.dtype.names or ()):
            alike &= _bytes_of(new[name], old[name])
    return alike


def _bytes_of(new: NDArray[np.void], old: NDArray[np.void]) -> NDArray[np.bool_]:
    """Equal bit by bit: an unknown fact is stored as a number that equals nothing, itself included."""
    shape = (len(new), -1)
    left = np.ascontiguousarray(new).view(np.uint8).reshape(shape)
    right = np.ascontiguousarray(old).view(np.uint8).reshape(shape)
    equal: NDArray[np.bool_] = (left == right).all(axis=1)
    return equal
