"""No number of an output may be about a handful of people; pure (recital 26 GDPR, XPT-3, invariant 6).

Not the cell itself, not what is left over beside it, and not the difference to what the same recipient got before.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Leak(StrEnum):
    """How an output would tell of a few people."""

    SMALL_CELL = "small_cell"
    """A segment, or a combination of values that tell people apart, has too few people."""
    SMALL_COMPLEMENT = "small_complement"
    """So many are in it that those who are not can be counted on the fingers."""
    SMALL_DIFFERENCE = "small_difference"
    """Compared with an earlier output to the same recipient, only a few came or went."""


@dataclass(frozen=True)
class EarlierOutput:
    """What the same recipient got before, compared with the new output."""

    left: int
    """People who were in it and are not in the new one."""
    joined: int
    """People who are in the new one and were not in it."""
    segments: Mapping[str, int]
    """Size of each of its segments."""


def leaks(
    cells: Mapping[Hashable, int],
    segments: Mapping[str, int],
    *,
    complement: int,
    earlier: Sequence[EarlierOutput],
    minimum: int,
) -> tuple[Leak, ...]:
    """Every way in which an output would tell of fewer than *minimum* people; empty when none.

    Args:
        cells: people by segment and values of quasi-identifying fields.
        segments: people by segment.
        complement: people of the scheme who may be in such an output but are not.
        earlier: outputs that reached the same recipient.
        minimum: smallest number that may be told.
    """
    found = []
    if not cells or any(_telling(size, minimum) for size in (*cells.values(), *segments.values())):
        found.append(Leak.SMALL_CELL)
    if _telling(complement, minimum):
        found.append(Leak.SMALL_COMPLEMENT)
    if any(_differs_by_a_few(output, segments, minimum) for output in earlier):
        found.append(Leak.SMALL_DIFFERENCE)
    return tuple(found)


def _differs_by_a_few(output: EarlierOutput, segments: Mapping[str, int], minimum: int) -> bool:
    if _telling(output.left, minimum) or _telling(output.joined, minimum):
        return True
    shared = segments.keys() & output.segments.keys()
    return any(_telling(abs(segments[key] - output.segments[key]), minimum) for key in shared)


def _telling(size: int, minimum: int) -> bool:
    return 0 < size < minimum
