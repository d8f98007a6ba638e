"""What weighed how much in one assignment: the answer that every kind of scheme gives to an explanation; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from governance.vocabulary import Text
from segmentation.inputs import Feature
from segmentation.wording import percent


@dataclass(frozen=True)
class Weight:
    """One thing that weighed. `part` is its signed share of the difference; None where nothing is split."""

    key: str
    """A feature, or a name for what is no feature."""
    text: Text
    part: float | None = None


@dataclass(frozen=True)
class Weighing:
    """What weighed, and how close the next segment was. `difference` is what the parts sum to."""

    weights: tuple[Weight, ...]
    closeness: Text
    next_segment: int | None = None
    difference: float | None = None


@dataclass(frozen=True)
class Pair:
    """The own segment and the next one, with the names that the person reads."""

    own: int
    after: int
    own_name: Text
    after_name: Text

    def side(self, part: float) -> Text:
        """Which of the two a part spoke for."""
        if part >= 0:
            return Text(f"sprach für „{self.own_name.de}“", f"spoke for “{self.own_name.en}”")
        return Text(f"sprach eher für „{self.after_name.de}“", f"spoke rather for “{self.after_name.en}”")

    def told(self, what: Text, part: float, whole: float) -> Text:
        """A line of an explanation: what, for which of the two it spoke, and its share of all that weighed."""
        side, share = self.side(part), percent(abs(part) / whole if whole > 0 else 0.0)
        return Text(
            f"{what.de}. Das {side.de} (Gewicht {share.de}).",
            f"{what.en}. This {side.en} (weight {share.en}).",
        )


def shares_in_words(own: Text, after: Text, pair: Pair) -> Text:
    """What is usual in either segment, as part of a sentence."""
    return Text(
        f"; üblich sind {own.de} in „{pair.own_name.de}“ und {after.de} in „{pair.after_name.de}“",
        f"; usual are {own.en} in “{pair.own_name.en}” and {after.en} in “{pair.after_name.en}”",
    )


def heaviest_first(parts: Sequence[float]) -> list[int]:
    """Positions by size of the part, the earlier one on a tie."""
    return sorted(range(len(parts)), key=lambda row: (-abs(parts[row]), row))


def row_of(features: Sequence[Feature], key: str) -> int:
    """Where a feature stands."""
    return next(row for row, feature in enumerate(features) if feature.key == key)
