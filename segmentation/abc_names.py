"""The segments an ABC scheme has unless its definition names its own; pure.

The house reads the letters; what the subject reads says what was looked at, not what somebody is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from governance.vocabulary import Text
from segmentation.definitions import Segment
from segmentation.settings.abc import AbcSettings

LETTERS = "ABCDE"
_MORE, _LESS = Text("größerer Anteil", "larger share"), Text("kleinerer Anteil", "smaller share")
_MIDDLE = Text("mittlerer Anteil", "middling share")


def abc_segments(settings: AbcSettings, labels: Sequence[Text]) -> tuple[Segment, ...]:
    """One segment per combination of classes, in the order of their numbers."""
    return tuple(
        _segment(classes, settings, labels) for classes in product(range(settings.classes), repeat=len(labels))
    )


def _segment(classes: Sequence[int], settings: AbcSettings, labels: Sequence[Text]) -> Segment:
    letters = "".join(LETTERS[each] for each in classes)
    told = [(label, _word(each, settings.classes)) for label, each in zip(labels, classes, strict=True)]
    spans = [(label, _span(each, settings.shares)) for label, each in zip(labels, classes, strict=True)]
    return Segment(
        f"{letters.lower()}",
        Text(
            f"{letters} – " + " · ".join(f"{label.de}: {span.de}" for label, span in spans),
            f"{letters} – " + " · ".join(f"{label.en}: {span.en}" for label, span in spans),
        ),
        Text(
            " · ".join(f"{label.de}: {word.de}" for label, word in told),
            " · ".join(f"{label.en}: {word.en}" for label, word in told),
        ),
    )


def _span(number: int, shares: Sequence[float]) -> Text:
    low = round(100 * shares[number - 1]) if number else 0
    high = round(100 * shares[number]) if number < len(shares) else 100
    if not number:
        return Text(f"die ersten {high} %", f"the first {high}%")
    return Text(f"von {low} bis {high} %", f"from {low} to {high}%")


def _word(number: int, classes: int) -> Text:
    if not number:
        return _MORE
    return _LESS if number == classes - 1 else _MIDDLE
