"""Latent classes: the likeliest of stored classes, each with a probability for every answer to every item; pure.

Within a class the items are independent (Lazarsfeld 1950; Goodman 1974), so a person's likelihood is a sum of stored
logarithms, added in the order of the items: one person and a million give the same bits. A missing item adds nothing,
which is its marginal likelihood; an answer that the fit never saw counts as missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segmentation.facts import Floats, Values
from segmentation.inputs import Feature
from segmentation.methods.posterior import assigned, posterior, rounded
from segmentation.methods.scores import Scores

Answers = NDArray[np.int64]
MISSING = -1


@dataclass(frozen=True)
class Item:
    """One feature as a question with a closed list of answers, numbered in the order of `codes`, then none."""

    feature: str
    cuts: tuple[float, ...]
    """Ascending cut points that turn a number into a bin; empty where the value itself is the answer."""
    codes: tuple[float, ...]
    """The values, or the numbers of the bins, that the fit saw."""
    none: bool
    """Whether having none (such as no order in the window) is an answer, too: the last one."""

    @property
    def answers(self) -> int:
        """How many answers there are."""
        return len(self.codes) + self.none


@dataclass(frozen=True)
class LatentClassMethod:
    """Items, and the logarithms of the classes' shares and of each answer's probability within each class."""

    items: tuple[Item, ...]
    shares: tuple[float, ...]
    """Logarithm of each class's share; segment numbers are positions."""
    logs: tuple[tuple[tuple[float, ...], ...], ...]
    """By class, item and answer."""

    @property
    def features(self) -> tuple[str, ...]:
        """The keys of the items."""
        return tuple(item.feature for item in self.items)

    def ordered(self, order: Sequence[int]) -> LatentClassMethod:
        """The same classes in another order: number i becomes what was order[i]."""
        return replace(
            self, shares=tuple(self.shares[n] for n in order), logs=tuple(self.logs[number] for number in order)
        )

    def to_json(self) -> dict[str, Any]:
        """The model's own part of the document; floats as hexadecimal text."""
        return {
            "items": [
                {
                    "feature": item.feature,
                    "cuts": [cut.hex() for cut in item.cuts],
                    "codes": [code.hex() for code in item.codes],
                    "none": item.none,
                }
                for item in self.items
            ],
            "shares": [share.hex() for share in self.shares],
            "logs": [[[log.hex() for log in answers] for answers in group] for group in self.logs],
        }


def latent_class_from_json(value: dict[str, Any]) -> LatentClassMethod:
    """The inverse of `LatentClassMethod.to_json`."""
    return LatentClassMethod(
        tuple(
            Item(item["feature"], _floats(item["cuts"]), _floats(item["codes"]), bool(item["none"]))
            for item in value["items"]
        ),
        _floats(value["shares"]),
        tuple(tuple(_floats(answers) for answers in group) for group in value["logs"]),
    )


def _floats(texts: Sequence[str]) -> tuple[float, ...]:
    return tuple(float.fromhex(text) for text in texts)


def binned(numbers: Floats, cuts: Sequence[float]) -> Floats:
    """The number of cut points below each value; the values themselves where there are none."""
    if not cuts:
        return numbers
    found = np.zeros(numbers.shape)
    for cut in cuts:
        found += numbers > cut
    return found


def answers_of(items: Sequence[Item], features: Sequence[Feature], values: Values) -> Answers:
    """What each person answered, (items, people): the number of the answer, or -1 where it is missing or unknown."""
    index = {feature.key: row for row, feature in enumerate(features)}
    found = np.full((len(items), values.numbers.shape[1]), MISSING, dtype=np.int64)
    for place, item in enumerate(items):
        row = index[item.feature]
        usable, plain = values.usable[row], binned(values.numbers[row], item.cuts)
        for number, code in enumerate(item.codes):
            found[place][usable & (plain == code)] = number
        if item.none:
            found[place][values.known[row] & values.none[row]] = len(item.codes)
    return found


def log_joint(method: LatentClassMethod, answers: Answers) -> Floats:
    """Logarithm of each class's share times the probability of the answers, (classes, people)."""
    logs = np.empty((len(method.shares), answers.shape[1]))
    for group, share in enumerate(method.shares):
        logs[group] = share
        for place, row in enumerate(answers):
            # MISSING is -1 and takes the last place, which adds nothing
            np.add(logs[group], np.array([*method.logs[group][place], 0.0])[row], out=logs[group])
    return logs


def memberships_latent_class(
    method: LatentClassMethod, features: Sequence[Feature], values: Values
) -> NDArray[np.int64]:
    """How likely each person is in each class, (classes, people), in 1e-9; the shares where nothing is known."""
    return rounded(posterior(log_joint(method, answers_of(method.items, features, values))))


def score_latent_class(method: LatentClassMethod, features: Sequence[Feature], values: Values) -> Scores:
    """The likeliest class; strength is by how much it is likelier than the next one.

    At least half the items must have an answer that the model knows.
    """
    answers = answers_of(method.items, features, values)
    assessed = 2 * (answers >= 0).sum(axis=0) >= len(answers)
    return assigned(posterior(log_joint(method, answers)), assessed)
