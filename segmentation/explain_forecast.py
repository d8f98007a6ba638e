"""A forecast in words: how likely, what raised or lowered it, how close the next cut is, how good it was; pure.

From a record's values and the stored model alone. What is told of others is the calibration table: shares of large
groups on a past day, never anybody's data. The parts are differences of calibrated log-odds from a person with average
values, and sum to the whole difference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from governance.vocabulary import Text
from segmentation.explain_conditions import held_in_words
from segmentation.facts import Values
from segmentation.inputs import Feature, Quantity
from segmentation.methods.forecast import (
    SEGMENT_NOW,
    ForecastMethod,
    Term,
    forecastable,
    log_odds,
    parts_of,
    probability,
    usable_of,
)
from segmentation.record import STRENGTH_ONE
from segmentation.settings.forecast import Outcome
from segmentation.weighing import Weighing, Weight, heaviest_first, row_of
from segmentation.wording import amount_of, days, number, percent

LEFT_ALREADY = Text(
    "Vorhergesagt wird nur, wer im Zeitraum bestellt hat. Das war nicht der Fall.",
    "Only who ordered within the period is forecast. That was not the case.",
)
AN_ESTIMATE = Text(
    "Das ist eine Schätzung, keine Entscheidung über Sie. Was davon abhängt, steht unten (Art. 22 DSGVO).",
    "This is an estimate, not a decision about you. What depends on it stands below (Art. 22 GDPR).",
)
IN_WORDS: tuple[tuple[float, Text], ...] = (
    (0.1, Text("sehr unwahrscheinlich", "very unlikely")),
    (0.35, Text("eher unwahrscheinlich", "rather unlikely")),
    (0.65, Text("etwa so wahrscheinlich wie nicht", "about as likely as not")),
    (0.9, Text("eher wahrscheinlich", "rather likely")),
    (1.1, Text("sehr wahrscheinlich", "very likely")),
)
LEAST_TOLD = 0.005
"""A factor of the odds closer to 1 than this changes nothing worth telling."""


def weigh_forecast(
    method: ForecastMethod,
    fit: Mapping[str, int | str],
    features: Sequence[Feature],
    values: Values,
    names: Sequence[Text],
    groups: Sequence[Text] = (),
) -> Weighing:
    """What is forecast of one person, and what of their own data raised or lowered it.

    Args:
        fit: of the model, with the calibration table.
        names: of the segments, as the person reads them.
        groups: of the other scheme, where moves are forecast.
    """
    if not bool(forecastable(method, features, values)[1][0]):
        return Weighing((), LEFT_ALREADY)
    logs = log_odds(method, features, values)
    found = int(probability(logs)[0])
    parts = [float(part) for part in parts_of(method, features, values)[:, 0]]
    lines = [Weight("estimate", _estimated(method, found))]
    for place in heaviest_first(parts):
        line = _line(method.terms[place], features, values, parts[place], groups)
        lines.append(Weight(method.terms[place].feature, line, parts[place]))
    evaluated = evaluation(fit, found / STRENGTH_ONE)
    lines += [Weight("evaluation", evaluated)] if evaluated else []
    lines.append(Weight("effect", AN_ESTIMATE))
    after, limit = _nearest(method, found)
    return Weighing(tuple(lines), _closeness(names[after], limit, found), after, float(logs[0]) - method.average)


def evaluation(fit: Mapping[str, int | str], told: float) -> Text | None:
    """What became of the people who were told about as much, when the forecast was judged on a past day."""
    places = [number for number in range(1, 1 + len(fit)) if f"bin{number}_people" in fit]
    if not places:
        return None
    near = min(places, key=lambda number: (_away(fit, number, told), number))
    said, did = (round(100 * float(fit[f"bin{near}_{name}"])) for name in ("told", "did"))
    about = percent(said / 100)
    return Text(
        f"Geprüft an der Vergangenheit: Von je 100, denen rund {about.de} vorhergesagt waren, traf es bei {did} ein.",
        f"Checked against the past: of every 100 who were told about {about.en}, it came true for {did}.",
    )


def _away(fit: Mapping[str, int | str], number: int, told: float) -> float:
    low, high = float(fit[f"bin{number}_from"]), float(fit[f"bin{number}_to"])
    return max(low - told, told - high, 0.0)


def _estimated(method: ForecastMethod, found: int) -> Text:
    share = found / STRENGTH_ONE
    word = next(words for limit, words in IN_WORDS if share < limit)
    horizon, chance = days(method.horizon), percent(min(max(share, 0.01), 0.99))
    below = Text("unter ", "below ") if share < 0.01 else Text("über ", "above ") if share > 0.99 else Text("", "")
    what = _event(method)
    return Text(
        f"Geschätzt für die nächsten {horizon.de}: Die Wahrscheinlichkeit, dass Sie {what.de}, beträgt "
        f"{below.de}{chance.de}. Das ist {word.de}.",
        f"Estimated for the next {horizon.en}: the probability that you {what.en} is {below.en}{chance.en}. That is "
        f"{word.en}.",
    )


def _event(method: ForecastMethod) -> Text:
    if method.of is Outcome.LEAVING:
        return Text("nichts bestellen", "order nothing")
    told = method.told or Text("", "")
    return Text(f"in „{told.de}“ die Gruppe wechseln", f"change the group in “{told.en}”")


def _line(term: Term, features: Sequence[Feature], values: Values, part: float, groups: Sequence[Text]) -> Text:
    """One feature: what the person has, what is usual, and by how much it changes the odds."""
    row = row_of(features, term.feature)
    feature, have = features[row], held_in_words(features[row], row, values)
    if not bool(usable_of(feature, values.numbers[row], values.usable[row])[0]):
        return Text(
            f"{feature.label.de}: {have.de}. Das zählt wie der Durchschnitt und ändert nichts.",
            f"{feature.label.en}: {have.en}. This counts as the average and changes nothing.",
        )
    if term.feature == SEGMENT_NOW:
        have = groups[int(values.numbers[row, 0])]
    usual = _usual(term, feature)
    effect = _effect(part)
    return Text(
        f"{feature.label.de}: {have.de}{usual.de}. {effect.de}", f"{feature.label.en}: {have.en}{usual.en}. {effect.en}"
    )


def _usual(term: Term, feature: Feature) -> Text:
    if feature.quantity is Quantity.LEVEL:
        return Text("", "")
    if feature.quantity is Quantity.FLAG:
        usual = percent(term.usual)
        return Text(f"; „ja“ gilt für {usual.de}", f"; “yes” holds for {usual.en}")
    rounded = round(term.usual, 1) if feature.quantity is Quantity.COUNT else term.usual
    usual = amount_of(feature, rounded)
    return Text(f"; im Durchschnitt sind es {usual.de}", f"; the average is {usual.en}")


def _effect(part: float) -> Text:
    factor = math.exp(min(max(part, -20.0), 20.0))
    if abs(factor - 1) < LEAST_TOLD:
        return Text("Das ändert die Vorhersage nicht.", "This does not change the forecast.")
    shown = number(factor, 2)
    if factor > 1:
        return Text(
            f"Das macht es wahrscheinlicher (Chancen mal {shown.de}).",
            f"This makes it likelier (odds times {shown.en}).",
        )
    return Text(
        f"Das macht es unwahrscheinlicher (Chancen mal {shown.de}).",
        f"This makes it less likely (odds times {shown.en}).",
    )


def _nearest(method: ForecastMethod, found: int) -> tuple[int, int]:
    """The segment beyond the nearest cut, and that cut."""
    standing = sum(found >= cut for cut in method.cuts)
    places = [place for place in (standing - 1, standing) if 0 <= place < len(method.cuts)]
    place = min(places, key=lambda each: (abs(found - method.cuts[each]), each))
    return (place if place < standing else place + 1), method.cuts[place]


def _closeness(name: Text, limit: int, found: int) -> Text:
    at, have = percent(limit / STRENGTH_ONE, 1), percent(found / STRENGTH_ONE, 1)
    return Text(
        f"Am nächsten lag „{name.de}“: Die Grenze liegt bei einer Wahrscheinlichkeit von {at.de}, Ihre beträgt "
        f"{have.de}.",
        f"The next closest was “{name.en}”: the limit is a probability of {at.en}, yours is {have.en}.",
    )
