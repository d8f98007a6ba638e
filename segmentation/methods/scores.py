"""What every kind of scheme answers for a batch of people; pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segmentation.facts import Bools
from segmentation.record import NO_SEGMENT, STRENGTH_ONE

TIE = 1e-9
"""A margin below this is a tie, which goes to the lower segment number."""


_FIRST_BIT = np.array([8 - byte.bit_length() for byte in range(256)], dtype=np.int16)
"""Position of the highest set bit of each byte."""


@dataclass(frozen=True)
class Scores:
    """Segment numbers (-1: none), strengths in 1e-9 and who could be assessed; `matches` is (rules, people)."""

    segment: NDArray[np.int16]
    strength: NDArray[np.int64]
    assessed: Bools
    matches: Bools | None = None


def first_match(matches: Bools, otherwise: int | None) -> NDArray[np.int16]:
    """The lowest segment that matches, else the other one, else none."""
    nobody = NO_SEGMENT if otherwise is None else otherwise
    chosen = np.full(matches.shape[1], nobody, dtype=np.int16)
    packed = pack_bits(matches)
    for number in range(len(packed) - 1, -1, -1):
        np.copyto(chosen, _FIRST_BIT[packed[number]] + np.int16(8 * number), where=packed[number] != 0)
    return chosen


def pack_bits(matches: Bools) -> NDArray[np.uint8]:
    """(rules, people) as bits, (bytes, people): rule 0 is the highest bit of the first byte."""
    packed = np.zeros(((len(matches) + 7) // 8, matches.shape[1]), dtype=np.uint8)
    for number, fits in enumerate(matches.view(np.uint8)):
        packed[number // 8] |= fits << np.uint8(7 - number % 8)
    return packed


def certain(segment: NDArray[np.int16], assessed: Bools, matches: Bools | None = None) -> Scores:
    """Scores of a method that knows no degrees: full strength for whoever has a segment."""
    chosen = np.where(assessed, segment, NO_SEGMENT).astype(np.int16)
    strength = np.where(chosen >= 0, STRENGTH_ONE, 0).astype(np.int64)
    if matches is not None and not assessed.all():
        matches = matches & assessed
    return Scores(chosen, strength, assessed, matches)
