"""Names for groups in words from what sets them apart; pure. They describe, they do not judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from governance.vocabulary import Text
from segmentation.definitions import Segment

MIDDLE = Text("Durchschnitt", "Average")
TOLD = 0.5
"""A trait that lies closer to the average than so many standard deviations is not worth a name."""
_WORDS = (
    (1.5, Text("sehr hoch", "very high")),
    (0.5, Text("hoch", "high")),
    (-0.5, Text("mittel", "middling")),
    (-1.5, Text("niedrig", "low")),
    (float("-inf"), Text("sehr niedrig", "very low")),
)


@dataclass(frozen=True)
class Trait:
    """How a group differs from everybody in one feature, in standard deviations; `word` says it where it is a level."""

    label: Text
    distance: float
    word: Text | None = None

    @property
    def told(self) -> Text:
        """The trait in words."""
        return self.word or next(word for least, word in _WORDS if self.distance >= least)


def name_groups(groups: Sequence[Sequence[Trait]]) -> tuple[Segment, ...]:
    """One segment per group, keyed `s1` …: its one or two most distant traits, more where two would read alike."""
    names: list[Text] = []
    for traits in groups:
        names.append(_distinct(sorted(traits, key=lambda trait: -abs(trait.distance)), names))
    return tuple(Segment(f"s{number}", name, name) for number, name in enumerate(names, start=1))


def _distinct(order: Sequence[Trait], taken: Sequence[Text]) -> Text:
    told = [trait for trait in order if abs(trait.distance) >= TOLD]
    for width in range(2, max(len(order), 2) + 1):
        name = _joined(told[:width])
        if name not in taken:
            return name
    number = sum(name.de.startswith(MIDDLE.de) for name in taken) + len(taken) + 1
    base = _joined(told[:2])
    return Text(f"{base.de} ({number})", f"{base.en} ({number})")


def _joined(traits: Sequence[Trait]) -> Text:
    if not traits:
        return MIDDLE
    return Text(
        " · ".join(f"{trait.label.de}: {trait.told.de}" for trait in traits),
        " · ".join(f"{trait.label.en}: {trait.told.en}" for trait in traits),
    )
