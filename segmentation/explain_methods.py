"""What weighed how much, by kind of scheme; pure: from a record's facts and the stored model alone.

k-means and Ward: the squared distance to the own and to the next centroid, split by feature, also where components lie
between; the parts sum to the difference. ABC: the class along each amount with its limits.
RFM: the three scores with their cut points. Rules: the condition that decided, and those before it that did not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from governance.vocabulary import Text
from segmentation.abc_names import LETTERS
from segmentation.explain_conditions import held_in_words, in_words, judged
from segmentation.facts import Values
from segmentation.inputs import Feature
from segmentation.methods.abc import AbcMethod, classes_of
from segmentation.methods.kmeans import KMeansMethod, own_values, squared_distances, standardised
from segmentation.methods.reduction import contributions, known_to
from segmentation.methods.rfm import RfmMethod, scores_of
from segmentation.methods.rules import RulesMethod
from segmentation.models import Model
from segmentation.record import Record
from segmentation.scoring import today_of
from segmentation.settings.shared import Transform
from segmentation.weighing import Pair, Weighing, Weight
from segmentation.wording import amount_of, number, percent


def weigh_kmeans(
    model: Model, method: KMeansMethod, record: Record, values: Values, *, hidden: frozenset[int] = frozenset()
) -> Weighing:
    """Split the difference between own and next centroid by feature.

    Args:
        hidden: segments whose typical values are not told, because they had too few people.
    """
    standard = standardised(method, model.features, values)
    distances = squared_distances(method, standard.numbers, standard.known)[:, 0]
    own = record.scored
    others = [segment for segment in range(len(distances)) if segment != own]
    after = min(others, key=lambda segment: (distances[segment], segment))
    parts = split_distances(model, method, values, own, after)
    total = float(distances[after] - distances[own])
    order = sorted(range(len(parts)), key=lambda row: (-abs(parts[row] or 0.0), row))
    pair = Pair(own, after, model.segments[own].name_for_subject, model.segments[after].name_for_subject)
    told = not {own, after} & hidden and method.reduction is None
    weights = tuple(
        Weight(method.features[row], _kmeans_line(model, method, values, row, part, total, pair, told), part)
        for row in order
        if (part := parts[row]) is not None
    )
    return Weighing(weights, _closeness(record, pair.after_name), after, total)


def split_distances(model: Model, method: KMeansMethod, values: Values, own: int, after: int) -> list[float | None]:
    """What each feature adds to the squared distance to *after* beyond that to *own*; None where it is missing.

    The parts sum to the difference. With components, the midpoint between the two centroids is shared out among the
    features by what they weigh in each component.
    """
    standard = standardised(method, model.features, values)
    near, far = method.centroids[own], method.centroids[after]
    if method.reduction is not None:
        return _split_components(model, method, values, near, far)
    present = max(1, int(standard.known.sum()))
    return [
        ((x - far[row]) ** 2 - (x - near[row]) ** 2) / present if bool(standard.known[row, 0]) else None
        for row, x in enumerate(standard.numbers[:, 0].tolist())
    ]


def _split_components(
    model: Model, method: KMeansMethod, values: Values, near: Sequence[float], far: Sequence[float]
) -> list[float | None]:
    reduction = method.reduction
    if reduction is None:
        raise TypeError("the method has no components")
    index = {feature.key: position for position, feature in enumerate(model.features)}
    rows = [index[key] for key in method.features]
    own = own_values(model.features, values, rows, method.transform)
    known = known_to(reduction, [model.features[row] for row in rows], own)
    parts = [0.0 if bool(here) else None for here in known[:, 0]]
    for component in range(reduction.components):
        added = contributions(reduction, own, known, component)[:, 0].tolist()
        weights = [reduction.weights[row][component] if known[row, 0] else 0.0 for row in range(len(rows))]
        whole = sum(weights) or 1.0
        middle = method.means[component] + (near[component] + far[component]) / 2
        step = 2 * (near[component] - far[component]) / reduction.components
        for row, part in enumerate(parts):
            if part is not None:
                parts[row] = part + (added[row] - weights[row] * middle) / whole * step
    return parts


def _kmeans_line(
    model: Model,
    method: KMeansMethod,
    values: Values,
    row: int,
    part: float,
    total: float,
    pair: Pair,
    told: bool,
) -> Text:
    index = next(i for i, feature in enumerate(model.features) if feature.key == method.features[row])
    feature = model.features[index]
    have = held_in_words(feature, index, values)
    typical = Text("", "")
    if told:
        own, after = (amount_of(feature, _plain(method, segment, row)) for segment in (pair.own, pair.after))
        typical = Text(
            f"; üblich sind {own.de} in „{pair.own_name.de}“ und {after.de} in „{pair.after_name.de}“",
            f"; usual are {own.en} in “{pair.own_name.en}” and {after.en} in “{pair.after_name.en}”",
        )
    share = percent(abs(part) / total if total > 0 else 0.0)
    pro = Text(f"sprach für „{pair.own_name.de}“", f"spoke for “{pair.own_name.en}”")
    contra = Text(f"sprach eher für „{pair.after_name.de}“", f"spoke rather for “{pair.after_name.en}”")
    side = pro if part >= 0 else contra
    return Text(
        f"{feature.label.de}: {have.de}{typical.de}. Das {side.de} (Gewicht {share.de}).",
        f"{feature.label.en}: {have.en}{typical.en}. This {side.en} (weight {share.en}).",
    )


def _plain(method: KMeansMethod, segment: int, row: int) -> float:
    """A centroid's value in the feature's own unit."""
    value = method.means[row] + method.centroids[segment][row] * method.scales[row]
    if method.transform is Transform.SQRT:
        return float(np.copysign(value * value, value))
    return value


def _closeness(record: Record, after: Text) -> Text:
    margin = percent(record.strength / 1e9, 1)
    return Text(
        f"Am nächsten lag danach „{after.de}“: Der Abstand dorthin ist um {margin.de} größer.",
        f"The next closest was “{after.en}”: the distance to it is larger by {margin.en}.",
    )


AXIS_LABELS = (
    Text("Wie kurz die letzte Bestellung zurückliegt", "How recent the last order is"),
    Text("Wie oft bestellt wurde", "How often was ordered"),
    Text("Für wie viel bestellt wurde", "For how much was ordered"),
)


def weigh_rfm(model: Model, method: RfmMethod, values: Values) -> Weighing:
    """The three scores, with the cut points on both sides of each."""
    scores = scores_of(method, model.features, values)[:, 0].tolist()
    weights = []
    gaps: list[tuple[float, Text]] = []
    for axis, key in enumerate(method.features):
        index = next(i for i, feature in enumerate(model.features) if feature.key == key)
        feature, cuts = model.features[index], method.cuts[axis]
        have = held_in_words(feature, index, values)
        best = len(cuts) + 1
        limits = Text(
            "; ".join(amount_of(feature, cut).de for cut in cuts), "; ".join(amount_of(feature, cut).en for cut in cuts)
        )
        label = AXIS_LABELS[axis]
        weights.append(
            Weight(
                key,
                Text(
                    f"{label.de}: {have.de}. Das ist Stufe {scores[axis]} von {best}; "
                    f"die Grenzen liegen bei {limits.de}.",
                    f"{label.en}: {have.en}. That is level {scores[axis]} of {best}; the limits are {limits.en}.",
                ),
            )
        )
        if bool(values.usable[index, 0]) and cuts:
            gaps.append(_gap(feature, label, float(values.numbers[index, 0]), cuts))
    return Weighing(tuple(weights), _nearest(gaps))


def _gap(feature: Feature, label: Text, value: float, cuts: Sequence[float]) -> tuple[float, Text]:
    """How far the value lies from the nearest limit, relative to it, and in words."""
    cut = min(cuts, key=lambda limit: abs(limit - value))
    shown = amount_of(feature, abs(cut - value))
    limit = amount_of(feature, cut)
    text = Text(
        f"Am nächsten an einer Grenze liegt: {label.de}. Bis zur Grenze von {limit.de} sind es {shown.de}.",
        f"Closest to a limit is: {label.en}. The limit of {limit.en} is {shown.en} away.",
    )
    return abs(cut - value) / max(abs(cut), 1e-9), text


def _nearest(gaps: Sequence[tuple[float, Text]]) -> Text:
    if not gaps:
        return Text(
            "Es gibt keine Bestellung, die an einer Grenze läge.", "There is no order that could be near a limit."
        )
    return min(gaps, key=lambda gap: gap[0])[1]


def weigh_rules(model: Model, method: RulesMethod, record: Record, values: Values) -> Weighing:
    """The rule that decided, then those before it that did not apply, then those after it that would have."""
    features = {feature.key: feature for feature in model.features}
    today = today_of(model, record)
    weights: list[Weight] = []
    if 0 <= record.scored < len(method.rules):
        rule = method.rules[record.scored]
        told = in_words(rule, features)
        weights.append(Weight("decided", Text(f"Entschieden hat: {told.de}.", f"What decided: {told.en}.")))
        weights += [Weight("met", _answered(j.text, j.met)) for j in judged(rule, features, values, today=today)]
    before = range(record.scored if 0 <= record.scored < len(method.rules) else len(method.rules))
    for number_ in before:
        name = model.segments[number_].name_for_subject
        weights.append(
            Weight(
                "before",
                Text(f"Vorher geprüft, traf nicht zu: „{name.de}“.", f"Checked before, did not apply: “{name.en}”."),
            )
        )
        answers = judged(method.rules[number_], features, values, today=today)
        weights += [Weight("not_met", _answered(j.text, j.met)) for j in answers if j.met is not True]
    return Weighing(tuple(weights), _also(model, method, record))


def _answered(text: Text, met: bool | None) -> Text:
    if met is None:
        return Text(f"Nicht zu beantworten: {text.de}.", f"Cannot be answered: {text.en}.")
    return Text(
        f"{'Trifft zu' if met else 'Trifft nicht zu'}: {text.de}.",
        f"{'Applies' if met else 'Does not apply'}: {text.en}.",
    )


def _also(model: Model, method: RulesMethod, record: Record) -> Text:
    later = sorted(n for n in record.rules if n != record.scored and n < len(method.rules))
    if later:
        names = Text(
            ", ".join(f"„{model.segments[n].name_for_subject.de}“" for n in later),
            ", ".join(f"“{model.segments[n].name_for_subject.en}”" for n in later),
        )
        return Text(
            f"Auch {names.de} träfe zu, steht in der Reihenfolge aber später.",
            f"{names.en} would apply too, but comes later in the order.",
        )
    if not 0 <= record.scored < len(method.rules):
        return Text("Keine Regel traf zu.", "No rule applied.")
    if len(method.rules) == 1:
        return Text("Es gibt nur diese eine Regel.", "There is only this one rule.")
    total = number(len(method.rules))
    return Text(f"Von {total.de} Regeln traf keine weitere zu.", f"Of {total.en} rules no other one applied.")


def weigh_abc(model: Model, method: AbcMethod, values: Values) -> Weighing:
    """The class along each amount, with the limits of the classes."""
    classes = classes_of(method, model.features, values)[:, 0].tolist()
    weights, gaps = [], []
    for axis, key in enumerate(method.features):
        index = next(i for i, feature in enumerate(model.features) if feature.key == key)
        feature, cuts = model.features[index], method.cuts[axis]
        have, letter = held_in_words(feature, index, values), LETTERS[classes[axis]]
        limits = [(LETTERS[place], amount_of(feature, cut)) for place, cut in enumerate(cuts)]
        spans = Text(
            "; ".join(f"{name} ab {cut.de}" for name, cut in limits),
            "; ".join(f"{name} from {cut.en}" for name, cut in limits),
        )
        line = Text(
            f"{feature.label.de}: {have.de}. Das ist Klasse {letter} ({spans.de}).",
            f"{feature.label.en}: {have.en}. That is class {letter} ({spans.en}).",
        )
        weights.append(Weight(key, line))
        if bool(values.usable[index, 0]) and all(np.isfinite(cuts)):
            gaps.append(_gap(feature, feature.label, float(values.numbers[index, 0]), cuts))
    return Weighing(tuple(weights), _nearest(gaps))
