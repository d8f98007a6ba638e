"""Counts as a role may see them: exact for officer and auditor, in tens and never below ten for everybody else.

Two exact pictures a day apart tell who left (differencing); rounded ones do not. Reasons with few people are pooled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from governance.vocabulary import Text

K = TypeVar("K")
FEW = 10


@dataclass(frozen=True)
class Counts:
    """How one role sees numbers of people."""

    exact: bool
    few: int = FEW

    def see(self, count: int | None) -> int | None:
        """The count, rounded to ten unless exact; None when it is too small to be told."""
        if count is None or self.exact:
            return count
        return None if count < self.few else int(count / 10 + 0.5) * 10

    def share(self, count: int | None, whole: int) -> float:
        """How long a bar may be: from what is told, never from what is not."""
        told = self.see(count)
        return 0.0 if not whole or told is None else min(1.0, told / whole)


@dataclass(frozen=True)
class Step:
    """One bar of the picture "who is not there, and why"."""

    label: Text | str
    count: int | None
    start: float
    width: float
    kind: str
    strong: bool = False
    sign: str = ""


@dataclass(frozen=True)
class Condition:
    """One line of a gate: the answer's sign, what is the case, and a note."""

    kind: str
    text: str
    note: str = ""


def funnel(
    whole: tuple[Text | str, int],
    reasons: Mapping[K, int],
    label: Mapping[K, Text | str],
    rest: tuple[Text | str, int],
    counts: Counts,
    pooled: Text | str,
    whole_of: int | None = None,
) -> list[Step]:
    """All, then who falls out by reason from the largest down, then who is left.

    Bars are shares of *whole_of*, by default of all.
    """
    total = max(whole_of or whole[1], 1)
    edge = counts.share(whole[1], total)
    steps = [Step(whole[0], counts.see(whole[1]), 0.0, edge, "soft", strong=True)]
    for text, count in _pooled(reasons, label, counts, pooled):
        width = counts.share(count, total)
        edge = max(0.0, edge - width)
        steps.append(Step(text, counts.see(count), edge, width, "mute", sign="−"))
    steps.append(Step(rest[0], counts.see(rest[1]), 0.0, counts.share(rest[1], total), "accent", strong=True))
    return steps


def _pooled(
    reasons: Mapping[K, int], label: Mapping[K, Text | str], counts: Counts, pooled: Text | str
) -> Iterable[tuple[Text | str, int]]:
    ordered = sorted(((key, count) for key, count in reasons.items() if count), key=lambda pair: -pair[1])
    small = [] if counts.exact else [count for _, count in ordered if count < counts.few]
    for key, count in ordered:
        if counts.exact or count >= counts.few:
            yield label[key], count
    if small:
        yield pooled, sum(small)
