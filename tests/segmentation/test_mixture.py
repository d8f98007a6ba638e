"""Gaussian mixture: the stored groups decide, whatever is missing, and what spoke for them sums up."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings as limits
from hypothesis import strategies as st

from governance.vocabulary import Text
from segmentation.errors import DefinitionInvalid, NothingToFit
from segmentation.explain_mixture import split_mixture, weigh_mixture
from segmentation.facts import Floats, Values
from segmentation.inputs import Quantity
from segmentation.methods.mixture import (
    MixtureMethod,
    log_joint,
    memberships_mixture,
    mixture_from_json,
    score_mixture,
    standard_values,
)
from segmentation.methods.mixture_fit import fit_mixture, parameters
from segmentation.methods.posterior import assigned, relative_entropy
from segmentation.reading import Node
from segmentation.settings.mixture import Covariance, MixtureSettings, parse_mixture
from segmentation.settings.reduction import ReductionKind, ReductionSettings
from segmentation.settings.shared import Transform
from tests.segmentation.kinds import a_feature, assert_comes_back, assert_same_one_by_one, given

KEYS = ("spend", "visits", "age", "calls")
FEATURES = tuple(a_feature(key) for key in KEYS)
NAMES = [Text(f"Gruppe {number}", f"group {number}") for number in range(9)]
SHAPES = list(Covariance)


def sampled(people: int, seed: int = 0) -> tuple[Floats, Any]:
    """Three overlapping ellipsoids in four features of unlike units, and who came from which."""
    random = np.random.default_rng(seed)
    middles = np.array([[0, 0, 0, 0], [4, 1, -3, 2], [-3, 4, 2, -4]])
    turns = random.normal(0, 1, (3, 4, 4))
    source = random.choice(3, people, p=(0.5, 0.3, 0.2))
    rows = middles[source] + np.einsum("nij,nj->ni", turns[source], random.normal(0, 1, (people, 4)))
    return (rows * (300, 2, 10, 1) + (1_000, 12, 45, 5)).T.copy(), source


def fitted(covariance: Covariance = Covariance.FULL, **changes: Any) -> MixtureMethod:
    settings = MixtureSettings(3, KEYS, covariance, restarts=2, **changes)
    return fit_mixture(settings, FEATURES, sampled(600)[0])[0]


METHODS = {covariance: fitted(covariance) for covariance in SHAPES}
METHOD = METHODS[Covariance.FULL]


def with_gaps(people: int = 150, seed: int = 9, share: float = 0.3) -> Values:
    """People of whom some inputs are unknown or none."""
    random = np.random.default_rng(seed)
    rows, _ = sampled(people, seed)
    return given(rows, random.random(rows.shape) > share, random.random(rows.shape) < 0.05)


@pytest.mark.parametrize("covariance", SHAPES)
def test_the_stored_groups_are_those_of_the_library(covariance: Covariance) -> None:
    """Known answer: scikit-learn's likelihood, BIC and posterior of the same parameters."""
    from sklearn.mixture import GaussianMixture

    rows, _ = sampled(600)
    method, told = fit_mixture(MixtureSettings(3, KEYS, covariance), FEATURES, rows)
    standard = standard_values(method, FEATURES, given(rows)).numbers.T
    library = GaussianMixture(3, covariance_type=covariance.value, reg_covar=1e-3, tol=1e-5, max_iter=500, n_init=5,
                              random_state=0).fit(standard)  # fmt: skip
    order = np.argsort(-library.weights_, kind="stable")

    shares = memberships_mixture(method, FEATURES, given(rows)) / 1e9

    assert np.allclose(shares.T, library.predict_proba(standard)[:, order], atol=1e-7)
    assert float(told["log_likelihood"]) == pytest.approx(library.score(standard) * 600, abs=1e-4)
    assert float(told["bic"]) == pytest.approx(library.bic(standard), abs=1e-3)


def test_groups_are_numbered_by_size() -> None:
    """The largest is number 0, whatever the random start was."""
    assert list(METHOD.weights) == sorted(METHOD.weights, reverse=True)
    assert fitted(seed=4).weights == pytest.approx(METHOD.weights, abs=0.02)


def test_the_groups_that_made_the_people_are_found_again() -> None:
    """Nine of ten simulated people come back to the group that they came from."""
    rows, source = sampled(600)

    scores = score_mixture(METHOD, FEATURES, given(rows))

    assert (scores.segment == source).mean() > 0.9


def test_the_least_bic_chooses_the_number_of_groups() -> None:
    """Of two to five groups the three that there are; every number's figures are kept."""
    rows, _ = sampled(600)

    method, told = fit_mixture(MixtureSettings(2, KEYS, most=5), FEATURES, rows)

    tried = {k: float(told[f"k{k}_bic"]) for k in range(2, 6)}
    assert len(method.weights) == min(tried, key=lambda k: tried[k]) == 3
    assert told["bic"] == told["k3_bic"]


def test_more_people_than_the_starts_compete_on_refine_the_best_start() -> None:
    """The final groups are fitted on everybody: no likelihood is lost against a start on all."""
    rows, _ = sampled(10_100)

    _, told = fit_mixture(MixtureSettings(3, KEYS, restarts=2), FEATURES, rows)

    assert told["converged"] == 1
    assert float(told["log_likelihood"]) / 10_100 == pytest.approx(-3.1, abs=0.6)


def test_free_parameters_are_counted_by_shape() -> None:
    """Three groups in four dimensions: 2 shares, 12 middles, and 30, 12 or 10 numbers of shape."""
    assert [parameters(3, 4, shape) for shape in SHAPES] == [44, 26, 24]


def test_fewer_different_people_than_groups_are_refused() -> None:
    """Two values repeated make no three groups."""
    rows = np.repeat(np.array([[1.0, 2.0]] * 4), 5, axis=1)

    with pytest.raises(NothingToFit):
        fit_mixture(MixtureSettings(3, KEYS), FEATURES, rows)


@pytest.mark.parametrize("covariance", SHAPES)
def test_a_batch_and_a_single_person_are_assigned_alike(covariance: Covariance) -> None:
    """No matrix product, whatever is missing (EXP-5)."""
    method = METHODS[covariance]

    assert_same_one_by_one(lambda values: score_mixture(method, FEATURES, values), with_gaps())


@pytest.mark.parametrize("covariance", SHAPES)
def test_the_method_comes_back_from_its_json(covariance: Covariance) -> None:
    """Floats are hexadecimal text; the digest names exactly this method."""
    assert_comes_back(METHODS[covariance], mixture_from_json)


def test_missing_inputs_are_left_out_of_the_likelihood() -> None:
    """The marginal of a Gaussian has the sub-covariance of what is there: scipy's density of those dimensions."""
    from scipy.stats import multivariate_normal

    values = with_gaps(60)
    standard = standard_values(METHOD, FEATURES, values)

    logs = log_joint(METHOD, standard.numbers, standard.known)

    for person in range(60):
        there = np.flatnonzero(standard.known[:, person])
        for group, (weight, middle) in enumerate(zip(METHOD.weights, METHOD.middles, strict=True)):
            expected = math.log(weight)
            if len(there):
                part = square(METHOD.covariances[group])[np.ix_(there, there)]
                normal = multivariate_normal(np.array(middle)[there], part)
                expected += normal.logpdf(standard.numbers[there, person])
            assert logs[group, person] == pytest.approx(expected, abs=1e-9)


def square(triangle: Any) -> Floats:
    """The whole matrix of a stored lower triangle."""
    lower = np.array([[*row, *[0.0] * (len(triangle) - len(row))] for row in triangle])
    return lower + np.tril(lower, -1).T


def bare(document: dict[str, Any], numbers: list[float | None]) -> int:
    """The likeliest group from the JSON alone: plain numpy, no code of the house."""
    there = [place for place, number in enumerate(numbers) if number is not None]
    means, scales = (np.array([float.fromhex(text) for text in document[name]]) for name in ("means", "scales"))
    x = (np.array([numbers[place] for place in there], dtype=float) - means[there]) / scales[there]
    logs = []
    for weight, middle, shape in zip(document["weights"], document["middles"], document["covariances"], strict=True):
        part = square([[float.fromhex(text) for text in row] for row in shape])[np.ix_(there, there)]
        gap = x - np.array([float.fromhex(text) for text in middle])[there]
        log = math.log(float.fromhex(weight)) - 0.5 * gap @ np.linalg.solve(part, gap)
        logs.append(log - 0.5 * np.linalg.slogdet(2 * math.pi * part)[1])
    chances = np.exp(np.array(logs) - max(logs))
    return int(np.argmax(np.rint((chances / chances.sum() - (chances / chances.sum()).max()) * 1e9) == 0))


def test_a_bare_script_gives_the_same_segments_from_the_json() -> None:
    """Row by row with missing cells: textbook formulas on the stored numbers are all there is to it."""
    document = json.loads(json.dumps(METHOD.to_json()))
    values = with_gaps()

    scores = score_mixture(METHOD, FEATURES, values)

    for person in np.flatnonzero(scores.assessed).tolist():
        cells = [n if there else None for n, there in
                 zip(values.numbers[:, person].tolist(), values.usable[:, person].tolist(), strict=True)]  # fmt: skip
        assert scores.segment[person] == bare(document, cells)


def test_below_half_the_inputs_nobody_is_assessed() -> None:
    """Two of four are enough, one is not; what is known to be none has no number and counts as missing."""
    rows = np.zeros((4, 3))
    known = [[True, True, True], [True, False, True], [False, False, False], [False, False, False]]
    none = [[False, False, True], [False] * 3, [False] * 3, [False] * 3]

    scores = score_mixture(METHOD, FEATURES, given(rows, known, none))

    assert scores.assessed.tolist() == [True, False, False]
    assert (scores.segment[1], scores.strength[1]) == (-1, 0)


def test_a_number_that_is_not_finite_counts_as_missing() -> None:
    """Infinity is nobody's spend."""
    rows = np.array([[1_000.0, 1_000.0], [12.0, 12.0], [45.0, 45.0], [np.inf, 0.0]])
    known = np.array([[True, True]] * 3 + [[True, False]])

    shares = memberships_mixture(METHOD, FEATURES, Values(rows, known, np.zeros((4, 2), bool)))

    assert shares[:, 0].tolist() == shares[:, 1].tolist()


def test_equally_likely_groups_go_to_the_lower_number() -> None:
    """A margin that rounds to nothing is a tie."""
    twin = replace(METHOD, weights=(0.5, 0.5), middles=(METHOD.middles[0],) * 2, covariances=METHOD.covariances[:1] * 2)
    nearly = replace(twin, weights=(0.5 - 1e-11, 0.5 + 1e-11))

    for method in (twin, nearly):
        scores = score_mixture(method, FEATURES, given(sampled(5)[0]))
        assert scores.segment.tolist() == [0] * 5
        assert scores.strength.tolist() == [0] * 5


def test_strength_is_the_margin_in_probability() -> None:
    """By how much the own group is likelier than the next one, in 1e-9."""
    scores = assigned(np.array([[0.2], [0.7], [0.1]]), np.array([True]))

    assert (scores.segment[0], scores.strength[0]) == (1, 500_000_000)


def test_memberships_sum_to_one() -> None:
    """In 1e-9, but for rounding; what nobody is told apart by is the shares of the groups."""
    shares = memberships_mixture(METHOD, FEATURES, with_gaps())
    blank = memberships_mixture(METHOD, FEATURES, given(np.zeros((4, 1)), np.zeros((4, 1), bool)))

    assert (np.abs(shares.sum(axis=0) - 1_000_000_000) <= 2).all()
    assert np.allclose(blank[:, 0] / 1e9, METHOD.weights, atol=1e-9)


def test_entropy_is_one_for_certainty_and_zero_for_no_idea() -> None:
    """Ramaswamy's relative entropy."""
    assert relative_entropy(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(1)
    assert relative_entropy(np.full((2, 5), 0.5)) == pytest.approx(0)


def test_whoever_is_farther_than_any_float_of_likelihood_is_still_assigned() -> None:
    """The differences of logarithms decide where every density is zero."""
    values = given(np.full((4, 1), 1e12))

    assert score_mixture(METHOD, FEATURES, values).segment[0] >= 0
    assert memberships_mixture(METHOD, FEATURES, values).sum() == 1_000_000_000


@limits(max_examples=25, deadline=None)
@drawn(st.integers(0, 2**32 - 1), st.sampled_from(SHAPES))
def test_what_spoke_for_a_group_sums_to_how_much_likelier_it_is(seed: int, covariance: Covariance) -> None:
    """Own terms, half of each shared term, spread and size: nothing is left over (EXP-2)."""
    method = METHODS[covariance]
    values = with_gaps(1, seed)
    own = int(score_mixture(method, FEATURES, values).segment[0])
    if own < 0:
        return

    split = split_mixture(method, FEATURES, values, own)

    assert sum(part for _, part in split.parts) == pytest.approx(split.difference, rel=1e-9, abs=1e-9)
    assert split.difference == pytest.approx(math.log(split.own / split.beside), rel=1e-6, abs=1e-6)


def test_a_shared_term_is_halved_between_its_two_features() -> None:
    """Two features, covariance 1 and .5: at gaps 1 and 2 the distance 4 splits to 0 and 4, by hand."""
    method = MixtureMethod(
        ("spend", "visits"),
        Transform.NONE,
        (0.0, 0.0),
        (1.0, 1.0),
        (0.5, 0.5),
        ((1.0, 2.0), (0.0, 0.0)),
        (((1.0,), (0.5, 1.0)),) * 2,
    )
    values = given([[1.0], [2.0]])

    split = split_mixture(method, FEATURES[:2], values, 0)

    assert dict(split.parts) == pytest.approx({"spend": 0, "visits": 2, "group_spread": 0, "group_size": 0})


def test_with_components_the_parts_are_still_those_of_the_features() -> None:
    """The component's gap is shared out by what each feature adds to it; the sum stays the same."""
    settings = MixtureSettings(3, KEYS, reduction=ReductionSettings(ReductionKind.PCA, 3))
    method, _ = fit_mixture(settings, FEATURES, sampled(600)[0])
    assert_comes_back(method, mixture_from_json)
    assert_same_one_by_one(lambda values: score_mixture(method, FEATURES, values), with_gaps(100))
    values = given([[1_500.0], [9.0], [50.0], [0.0]], known=[[True], [True], [True], [False]])

    split = split_mixture(method, FEATURES, values, int(score_mixture(method, FEATURES, values).segment[0]))

    assert [key for key, _ in split.parts] == ["spend", "visits", "age", "group_spread", "group_size"]
    assert sum(part for _, part in split.parts) == pytest.approx(split.difference, rel=1e-9, abs=1e-9)


def test_an_explanation_tells_heaviest_first_what_spoke_for_which_group() -> None:
    """Own value, what is usual in both groups, spread and size apart, and both probabilities."""
    values = given([[1_000.0], [12.0], [45.0], [5.0]])
    scored = int(score_mixture(METHOD, FEATURES, values).segment[0])

    told = weigh_mixture(METHOD, FEATURES, values, NAMES, scored)

    parts = [abs(weight.part or 0.0) for weight in told.weights]
    assert parts == sorted(parts, reverse=True)
    assert {weight.key for weight in told.weights} == {*KEYS, "group_spread", "group_size"}
    assert "; üblich sind " in told.weights[[w.key for w in told.weights].index("spend")].text.de
    assert "passen mit einer Wahrscheinlichkeit von mehr als 99,9" in told.closeness.de
    assert told.difference == pytest.approx(sum(weight.part or 0.0 for weight in told.weights))


def test_typical_values_of_a_group_that_was_too_small_are_not_told() -> None:
    """Nobody else's data is shown (EXP-4)."""
    values = given([[1_000.0], [12.0], [45.0], [5.0]])
    scored = int(score_mixture(METHOD, FEATURES, values).segment[0])

    told = weigh_mixture(METHOD, FEATURES, values, NAMES, scored, hidden=frozenset({scored}))

    assert not any("üblich" in weight.text.de for weight in told.weights)


BY_KEY = {feature.key: feature for feature in (*FEATURES, a_feature("sector", Quantity.LEVEL, ("a", "b")))}


def test_a_range_of_numbers_leaves_the_choice_to_the_data() -> None:
    """Then a definition cannot name the segments beforehand."""
    part = {"k": {"from": 2, "to": 6}, "features": ["spend", "age"], "covariance": "tied", "seed": 3}

    settings = parse_mixture(Node({"mixture": part}), BY_KEY)

    assert (settings.segments, list(settings.numbers)) == (None, [2, 3, 4, 5, 6])
    assert settings.covariance is Covariance.TIED


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"k": 1, "features": ["age"]}, "$.mixture.k"),
        ({"k": 3, "features": ["sector"]}, "$.mixture.features[0]"),
        ({"k": 3, "features": ["age"], "covariance": "round"}, "$.mixture.covariance"),
        ({"k": 3, "features": ["age"], "restarts": 0}, "$.mixture.restarts"),
        ({"k": 3, "features": ["age"], "shape": "full"}, "$.mixture"),
    ],
)
def test_a_mistake_names_its_place(part: dict[str, Any], path: str) -> None:
    """Every refusal is a JSON path and a sentence."""
    with pytest.raises(DefinitionInvalid) as refused:
        parse_mixture(Node({"mixture": part}), BY_KEY)

    assert refused.value.mistakes[0].path == path
