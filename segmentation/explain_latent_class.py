"""What spoke for one latent class and what for the next; pure: from a record's values and the stored model alone.

The logarithm of how much likelier the own class is than the next one is a sum: for each item the logarithm of how much
more often its answer is given in the own class, and one part for how large the two classes are. Nothing is left over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from governance.vocabulary import Text
from segmentation.explain_conditions import held_in_words
from segmentation.explain_mixture import APART, SIZE, likelihoods_in_words
from segmentation.facts import Values
from segmentation.inputs import Feature
from segmentation.methods.latent_class import LatentClassMethod, answers_of, log_joint
from segmentation.methods.posterior import posterior
from segmentation.weighing import Pair, Weighing, Weight, heaviest_first, row_of
from segmentation.wording import percent

RARE = 0.01
"""An answer that fewer give is told as "less than one per cent"."""


@dataclass(frozen=True)
class Split:
    """The parts by key: items with an answer in the model's order, then the size of the classes.

    They sum to `difference`: the logarithm of how much likelier the own class is than `after`.
    """

    parts: tuple[tuple[str, float], ...]
    difference: float
    own: float
    """Probability of the own class."""
    after: int
    beside: float
    """Probability of the next one."""


def split_latent_class(method: LatentClassMethod, features: Sequence[Feature], values: Values, own: int) -> Split:
    """Own class against the likeliest other one, for the one person in *values*."""
    answers = answers_of(method.items, features, values)
    logs = log_joint(method, answers)
    chances = posterior(logs)[:, 0].tolist()
    after = min((group for group in range(len(chances)) if group != own), key=lambda group: (-chances[group], group))
    parts = [
        (item.feature, method.logs[own][place][answer] - method.logs[after][place][answer])
        for place, (item, answer) in enumerate(zip(method.items, answers[:, 0].tolist(), strict=True))
        if answer >= 0
    ]
    parts.append((SIZE, method.shares[own] - method.shares[after]))
    return Split(tuple(parts), float(logs[own, 0] - logs[after, 0]), chances[own], after, chances[after])


def weigh_latent_class(
    method: LatentClassMethod,
    features: Sequence[Feature],
    values: Values,
    names: Sequence[Text],
    scored: int,
    *,
    hidden: frozenset[int] = frozenset(),
) -> Weighing:
    """Which answers spoke for the own class and which for the next, heaviest first, and how likely each of them is.

    Args:
        values: of one person.
        names: of the segments, as the person reads them.
        scored: the person's segment number.
        hidden: segments of which it is not told how often an answer is given, because they had too few people.
    """
    split = split_latent_class(method, features, values, scored)
    pair = Pair(scored, split.after, names[scored], names[split.after])
    whole = sum(abs(part) for _, part in split.parts)
    told = not {scored, split.after} & hidden
    weights = []
    for place in heaviest_first([part for _, part in split.parts]):
        key, part = split.parts[place]
        what = APART[key] if key == SIZE else _line(method, features, values, key, pair, told=told)
        weights.append(Weight(key, pair.told(what, part, whole), part))
    return Weighing(tuple(weights), likelihoods_in_words(pair, split.own, split.beside), split.after, split.difference)


def _line(
    method: LatentClassMethod, features: Sequence[Feature], values: Values, key: str, pair: Pair, *, told: bool
) -> Text:
    row = row_of(features, key)
    feature, have = features[row], held_in_words(features[row], row, values)
    if not told:
        return Text(f"{feature.label.de}: {have.de}", f"{feature.label.en}: {have.en}")
    place = method.features.index(key)
    answer = int(answers_of(method.items, features, values)[place, 0])
    own, after = (_share(method.logs[group][place][answer]) for group in (pair.own, pair.after))
    same = _same(method.items[place].cuts)
    return Text(
        f"{feature.label.de}: {have.de}; {same.de} haben {own.de} in „{pair.own_name.de}“ und {after.de} in "
        f"„{pair.after_name.de}“",
        f"{feature.label.en}: {have.en}; {same.en} is given by {own.en} in “{pair.own_name.en}” and {after.en} in "
        f"“{pair.after_name.en}”",
    )


def _same(cuts: Sequence[float]) -> Text:
    """What is counted: the same answer, or a value between the same limits."""
    return Text("eine ähnliche Angabe", "a similar detail") if cuts else Text("dieselbe Angabe", "the same detail")


def _share(log: float) -> Text:
    share = math.exp(log)
    limit = percent(max(share, RARE))
    return limit if share >= RARE else Text(f"weniger als {limit.de}", f"less than {limit.en}")
