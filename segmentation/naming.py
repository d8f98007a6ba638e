"""Names for clusters in words from what sets them apart; pure. They describe, they do not judge."""

from __future__ import annotations

from collections.abc import Sequence

from governance.vocabulary import Text
from segmentation.definitions import Segment
from segmentation.inputs import Feature
from segmentation.methods.kmeans import KMeansMethod

MIDDLE = Text("Durchschnitt", "Average")
_WORDS = (
    (1.5, Text("sehr hoch", "very high")),
    (0.5, Text("hoch", "high")),
    (-0.5, Text("mittel", "middling")),
    (-1.5, Text("niedrig", "low")),
    (float("-inf"), Text("sehr niedrig", "very low")),
)


def name_clusters(method: KMeansMethod, features: Sequence[Feature]) -> tuple[Segment, ...]:
    """One segment per centroid, keyed `s1` …: the one or two features farthest from the average, more on a tie."""
    labels = {feature.key: feature.label for feature in features}
    names: list[Text] = []
    for centroid in method.centroids:
        names.append(_distinct(centroid, [labels[key] for key in method.features], names))
    return tuple(Segment(f"s{number}", name, name) for number, name in enumerate(names, start=1))


def _distinct(centroid: Sequence[float], labels: Sequence[Text], taken: Sequence[Text]) -> Text:
    order = sorted(range(len(centroid)), key=lambda row: (-abs(centroid[row]), row))
    told = [row for row in order if abs(centroid[row]) >= 0.5]
    for width in range(2, len(order) + 1):
        name = _joined([(labels[row], _word(centroid[row])) for row in told[:width]])
        if name not in taken:
            return name
    number = sum(name.de.startswith(MIDDLE.de) for name in taken) + len(taken) + 1
    base = _joined([(labels[row], _word(centroid[row])) for row in told[:2]])
    return Text(f"{base.de} ({number})", f"{base.en} ({number})")


def _joined(parts: Sequence[tuple[Text, Text]]) -> Text:
    if not parts:
        return MIDDLE
    return Text(
        " · ".join(f"{label.de}: {word.de}" for label, word in parts),
        " · ".join(f"{label.en}: {word.en}" for label, word in parts),
    )


def _word(value: float) -> Text:
    return next(word for least, word in _WORDS if value >= least)
