"""The segments of a lifetime-value scheme unless its definition names its own; pure.

What the subject reads says what is expected, not what somebody is worth.
"""

from __future__ import annotations

from governance.vocabulary import Text
from segmentation.definitions import Segment
from segmentation.settings.clv import ClvSettings

_FIRST = Text("Hoher erwarteter Umsatz", "High expected revenue")
_LAST = Text("Geringer erwarteter Umsatz", "Low expected revenue")
_MIDDLE = Text("Mittlerer erwarteter Umsatz", "Middling expected revenue")
ASLEEP = Text("Vermutlich keine weitere Bestellung", "Probably no further order")


def clv_segments(settings: ClvSettings) -> tuple[Segment, ...]:
    """From the highest value down, then those who are probably not ordering any more."""
    cuts = len(settings.amounts or settings.shares)
    groups = [_group(number, cuts, settings) for number in range(cuts + 1)]
    if settings.alive > 0:
        groups.append(Segment("asleep", ASLEEP, ASLEEP))
    return tuple(groups)


def _group(number: int, cuts: int, settings: ClvSettings) -> Segment:
    word = _FIRST if not number else _LAST if number == cuts else _MIDDLE
    span = _span(number, cuts, settings)
    name = Text(f"{word.de} ({span.de})", f"{word.en} ({span.en})")
    return Segment(f"v{number + 1}", name, name if 0 < number < cuts and cuts > 2 else word)


def _span(number: int, cuts: int, settings: ClvSettings) -> Text:
    if settings.amounts:
        return Text(f"Stufe {number + 1} von {cuts + 1}", f"level {number + 1} of {cuts + 1}")
    low = round(100 * settings.shares[number - 1]) if number else 0
    high = round(100 * settings.shares[number]) if number < cuts else 100
    if not number:
        return Text(f"obere {high} %", f"top {high}%")
    return Text(f"{low} bis {high} %", f"{low} to {high}%")
