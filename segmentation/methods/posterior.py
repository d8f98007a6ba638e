"""From log-likelihoods to memberships and segments, for every kind whose groups are probabilities; pure.

Exponentials may differ in their last bit between processors. So memberships are rounded to 1e-9 before anything is
compared: a margin that rounds to nothing is a tie, and a tie goes to the lower segment number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from segmentation.facts import Bools, Floats
from segmentation.methods.scores import Scores
from segmentation.record import NO_SEGMENT, STRENGTH_ONE


def posterior(logs: Floats) -> Floats:
    """Probability of each group for each person, (groups, people), from logarithms of joint probabilities."""
    parts: Floats = np.exp(logs - logs.max(axis=0))
    total = np.zeros(logs.shape[1])
    for part in parts:
        np.add(total, part, out=total)
    return parts / total


def log_likelihood(logs: Floats) -> Floats:
    """Logarithm of the sum over groups, for each person."""
    top = logs.max(axis=0)
    total = np.zeros(logs.shape[1])
    for row in logs:
        np.add(total, np.exp(row - top), out=total)
    found: Floats = top + np.log(total)
    return found


def rounded(probabilities: Floats) -> NDArray[np.int64]:
    """Memberships in units of 1e-9."""
    return np.rint(probabilities * STRENGTH_ONE).astype(np.int64)


def assigned(probabilities: Floats, assessed: Bools) -> Scores:
    """The likeliest group; strength is by how much it is likelier than the next one, in 1e-9."""
    people = np.arange(probabilities.shape[1])
    behind = rounded(probabilities.max(axis=0) - probabilities)
    chosen = (behind == 0).argmax(axis=0)
    own = probabilities[chosen, people]
    others = probabilities.copy()
    others[chosen, people] = 0.0
    margin = rounded(np.maximum(own - others.max(axis=0), 0.0))
    strength = np.where(assessed, margin, 0).astype(np.int64)
    return Scores(np.where(assessed, chosen, NO_SEGMENT).astype(np.int16), strength, assessed)


def relative_entropy(probabilities: Floats) -> float:
    """How clearly people belong: 1 for certain, 0 for no idea (Ramaswamy and others 1993)."""
    groups, people = probabilities.shape
    if groups < 2 or not people:
        return 1.0
    safe = np.maximum(probabilities, 1e-300)
    return float(1.0 + (probabilities * np.log(safe)).sum() / (people * np.log(groups)))
