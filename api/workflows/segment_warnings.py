"""What a scheme warns of: the same words in the preview, at the definition, after a run and on the scheme's page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from governance.vocabulary import Text
from segmentation.definitions import Definition
from segmentation.settings.kmeans import KMeansSettings
from segmentation.settings.latent_class import LatentClassSettings
from segmentation.settings.mixture import MixtureSettings
from segmentation.settings.ward import WardSettings

CHOSEN = (KMeansSettings, WardSettings, MixtureSettings, LatentClassSettings)
FEW_SEGMENTS, MANY_SEGMENTS = 2, 8

WARNINGS: dict[str, Text] = {
    "many_segments": Text(
        "Mehr als acht Segmente: Das kann niemand mehr auseinanderhalten. Vier bis acht bewähren sich.",
        "More than eight segments: nobody can tell them apart. Four to eight have proven themselves.",
    ),
    "few_segments": Text(
        "Weniger als zwei Segmente haben Mitglieder: Das teilt niemanden ein.",
        "Fewer than two segments have members: that divides nobody.",
    ),
    "below_minimum": Text(
        "So kleine Segmente löst ein Lauf auf; wer darin wäre, ist in keinem.",
        "A run dissolves segments as small as this; whoever would be in one is in none.",
    ),
    "never_reached": Text(
        "Die Segmente davor nehmen alle oder fast alle, auf die diese Regel passt. Stellen Sie es weiter nach oben.",
        "The segments before it take everybody this rule fits, or nearly everybody. Move it further up.",
    ),
    "withheld": Text(
        "Viele halten eine Angabe zurück. Das Schema läuft trotzdem und entscheidet über sie ohne diese Angabe.",
        "Many withhold a detail. The scheme runs all the same and decides about them without it.",
    ),
    "mostly_not_assessed": Text(
        "Über viele ist zu wenig bekannt für eine Zuordnung. Weniger Merkmale helfen.",
        "Too little is known about many to assign them. Fewer features help.",
    ),
}
"""What is warned of, in words."""


@dataclass(frozen=True)
class Warned:
    """One warning; `segment` is the key it is about, if it is about one."""

    key: str
    segment: str | None = None

    @property
    def text(self) -> Text:
        """The words."""
        return WARNINGS[self.key]

    def to_json(self) -> dict[str, Any]:
        """As answers tell it."""
        return {"key": self.key, "segment": self.segment, "text": asdict(self.text)}


def about_size(segments: int) -> tuple[Warned, ...]:
    """What is to be said of so many segments."""
    return (Warned("many_segments"),) if segments > MANY_SEGMENTS else ()


def about_definition(definition: Definition) -> tuple[Warned, ...]:
    """What is to be said before anybody is sorted: of the segments named, or the fewest the data may choose."""
    fewest = definition.settings.k if isinstance(definition.settings, CHOSEN) else 0
    return about_size(max(len(definition.segments), fewest))
