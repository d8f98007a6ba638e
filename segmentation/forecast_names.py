"""The segments of a forecast unless its definition names its own; pure.

What the subject reads says what is expected in plain words, and blames nobody for it.
"""

from __future__ import annotations

from governance.vocabulary import Text
from segmentation.definitions import Segment
from segmentation.settings.forecast import ForecastSettings, Outcome

_LEAVING = (
    (
        "loyal",
        Text("Wahrscheinlich treu", "Probably loyal"),
        Text("Bestellt voraussichtlich wieder", "Expected to order again"),
    ),
    (
        "at_risk",
        Text("Gefährdet", "At risk"),
        Text("Bestellt vielleicht erst später wieder", "May order again only later"),
    ),
    (
        "high_risk",
        Text("Stark gefährdet", "At high risk"),
        Text("Vorerst keine Bestellung erwartet", "No order expected for now"),
    ),
)
_MOVING = (
    ("stays", Text("Bleibt wahrscheinlich", "Probably stays"), Text("Bleibt voraussichtlich", "Expected to stay")),
    (
        "may_move",
        Text("Wechselt vielleicht", "May move"),
        Text("Wechselt vielleicht die Gruppe", "May change the group"),
    ),
    (
        "moves",
        Text("Wechselt wahrscheinlich", "Probably moves"),
        Text("Wechselt voraussichtlich die Gruppe", "Expected to change the group"),
    ),
)


def forecast_segments(settings: ForecastSettings) -> tuple[Segment, ...]:
    """From the lowest probability up: three by name, any other number by level."""
    named = _LEAVING if settings.of is Outcome.LEAVING else _MOVING
    if len(settings.cuts) + 1 == len(named):
        return tuple(Segment(*each) for each in named)
    return tuple(_level(number, len(settings.cuts) + 1, settings.of) for number in range(len(settings.cuts) + 1))


def _level(number: int, of: int, outcome: Outcome) -> Segment:
    what = Text("Abwanderung", "leaving") if outcome is Outcome.LEAVING else Text("Wechsel", "moving")
    level = f"{number + 1}", f"{of}"
    name = Text(
        f"{what.de}: Stufe {level[0]} von {level[1]}", f"Likelihood of {what.en}: level {level[0]} of {level[1]}"
    )
    shown = Text(f"Vorhersage: Stufe {level[0]} von {level[1]}", f"Forecast: level {level[0]} of {level[1]}")
    return Segment(f"p{number + 1}", name, shown)
