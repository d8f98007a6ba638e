"""Customer lifetime value: published results, stable at any size, and each part of the value accounted for."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings as limits
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import beta, hyp2f1

from governance.vocabulary import Text
from segmentation.errors import DefinitionInvalid, NothingToFit
from segmentation.explain_clv import value_parts, weigh_clv
from segmentation.facts import Floats, Values
from segmentation.inputs import Measure
from segmentation.methods.clv import (
    ClvMethod,
    clv_from_json,
    estimate,
    expected_average,
    expected_orders,
    probability_alive,
    score_clv,
)
from segmentation.methods.clv_fit import amount_likelihood, discounting, fit_clv, fit_orders, order_likelihood
from segmentation.reading import Node
from segmentation.settings.clv import ClvSettings, parse_clv
from tests.segmentation.kinds import a_measure, assert_comes_back, assert_same_one_by_one, given

PUBLISHED = (0.2426, 4.4136, 0.7929, 2.4259)
"""r, alpha (weeks), a, b of the CDNOW customers (Fader, Hardie, Lee 2005)."""
PUBLISHED_AMOUNTS = (6.25, 3.74, 15.44)
"""p, q, v (dollars) of the CDNOW customers (Fader, Hardie 2013)."""
FEATURES = (
    a_measure("orders", Measure.COUNT),
    a_measure("last", Measure.DAYS_SINCE_LAST),
    a_measure("first", Measure.TENURE),
    a_measure("mean", Measure.MEAN_ORDER_VALUE),
)
SETTINGS = ClvSettings(("orders", "last", "first", "mean"))
NAMES = [Text(name, name) for name in ("A", "B", "C", "asleep", "none")]
TIMES, WEIGHTS = discounting(365, 0.1)
METHOD = ClvMethod(
    SETTINGS.features,
    (0.6, 60.0, 0.8, 3.0),
    (6.0, 4.0, 9_000.0),
    TIMES,
    WEIGHTS,
    cuts=(40_000, 10_000),
    alive=300_000_000,
    typical=(2.0, 170.0, 365.0, 14_000.0),
    otherwise=4,
)


def of(*numbers: float) -> Floats:
    return np.array(numbers, dtype=np.float64)


def simulated(people: int, seed: int = 0) -> Floats:
    """People who follow METHOD's two models to the letter: count, days since last, days since first, mean value."""
    random = np.random.default_rng(seed)
    r, alpha, a, b = METHOD.orders
    p, q, v = METHOD.amounts
    age = random.integers(1, 730, people).astype(float)
    rate, leaves = random.gamma(r, 1 / alpha, people), random.beta(a, b, people)
    x, last, now, here = np.zeros(people), np.zeros(people), np.zeros(people), np.ones(people, bool)
    while here.any():
        now = np.where(here, now + random.exponential(1 / np.maximum(rate, 1e-12)), now)
        here &= now <= age
        x[here], last[here] = x[here] + 1, now[here]
        here &= random.random(people) >= leaves
    mean = random.gamma(p * (x + 1), 1 / (random.gamma(q, 1 / v, people) * (x + 1)))
    return np.stack([x + 1, age - np.floor(last), age, np.maximum(np.rint(mean), 1)])


def test_the_published_customer_is_expected_to_buy_as_published() -> None:
    """x = 26, t_x = 30 6/7, T = 31: 25.75659 in 52 weeks, alive .9688523, within the rounding of the parameters."""
    x, t_x, age = of(26), of(216 / 7), of(31)

    alive = probability_alive(PUBLISHED, x, t_x, age)
    expected = expected_orders(PUBLISHED, x, age, 52.0) * alive

    assert abs(float(alive[0]) - 0.9688523) < 5e-6
    assert abs(float(expected[0]) - 25.75659) < 2e-3


def test_the_published_average_orders_follow_from_the_published_parameters() -> None:
    """Two orders of 22.35 on average make 24.66 expected, one of 11.77 makes 18.91 (Fader, Hardie 2013)."""
    average = expected_average(PUBLISHED_AMOUNTS, of(2, 1), of(22.35, 11.77))

    assert np.allclose(average, (24.66, 18.91), atol=0.01)


@limits(max_examples=200, deadline=None)
@drawn(
    st.floats(0.05, 10), st.floats(0.5, 500), st.floats(0.05, 60), st.floats(0.05, 60), st.integers(0, 40),
    st.floats(0, 1500), st.floats(1, 1000),
)  # fmt: skip
def test_expected_orders_are_the_published_formula(
    r: float, alpha: float, a: float, b: float, x: int, age: float, ahead: float
) -> None:
    """Equation 10 of Fader, Hardie and Lee, wherever its own terms fit a float."""
    if abs(a - 1) < 1e-3:
        return
    z = ahead / (alpha + age + ahead)
    published = (a + b + x - 1) / (a - 1) * (1 - (1 - z) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z))
    if not math.isfinite(published):
        return

    ours = float(expected_orders((r, alpha, a, b), of(x), of(age), ahead)[0])

    assert ours == pytest.approx(published, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("x", [0, 3, 300, 3_000])
def test_expected_orders_stay_finite_for_any_number_of_orders(x: int) -> None:
    """Where the published form overflows ours still equals the integral that it solves."""
    r, alpha, a, b = 0.6, 60.0, 1.8, 3.0
    age, ahead = 700.0, 365.0

    def inside(p: float) -> float:
        gone = 1 - (1 + p * ahead / (alpha + age)) ** -(r + x)
        return gone / p * p ** (a - 1) * (1 - p) ** (b + x - 1)

    scale = quad(lambda p: p ** (a - 1) * (1 - p) ** (b + x - 1), 0, 1, points=[1 / (x + 2)])[0]
    expected = quad(inside, 0, 1, points=[1 / (x + 2)], limit=500)[0] / scale

    assert expected_orders((r, alpha, a, b), of(x), of(age), ahead)[0] == pytest.approx(expected, rel=1e-6)


def test_whoever_ordered_a_thousand_times_and_stopped_is_gone_and_not_an_overflow() -> None:
    """The odds are kept as a logarithm."""
    alive = probability_alive(METHOD.orders, of(1_000, 1_000), of(10, 699), of(700, 700))

    assert alive[0] == pytest.approx(0, abs=1e-200)
    assert alive[1] > 0.9


def test_whoever_ordered_once_is_alive_for_certain() -> None:
    """BG/NBD lets nobody leave before a second order; we say so rather than hide it."""
    assert probability_alive(METHOD.orders, of(0), of(0), of(700))[0] == 1.0


def test_the_likelihood_of_orders_is_that_of_its_own_integral() -> None:
    """BG/NBD for one person, integrated over rate and dropout numerically (equation 3 of the paper)."""
    r, alpha, a, b = METHOD.orders
    x, t_x, age = 2, 100.0, 300.0
    stays = beta(a, b + x) / beta(a, b)
    leaves = beta(a + 1, b + x - 1) / beta(a, b)

    def rates(time: float) -> float:
        return float(quad(
            lambda rate: rate**x * math.exp(-rate * time) * alpha**r * rate ** (r - 1) * math.exp(-alpha * rate)
            / math.gamma(r), 0, 2, points=[0.01, 0.1], limit=500,
        )[0])  # fmt: skip

    expected = math.log(stays * rates(age) + leaves * rates(t_x))

    assert order_likelihood(METHOD.orders, np.stack([of(x), of(t_x), of(age)]))[0] == pytest.approx(expected, rel=1e-6)


def test_the_density_of_average_orders_integrates_to_one() -> None:
    """Gamma-Gamma is a density of the mean, for one order and for five."""
    for count in (1.0, 5.0):
        total = quad(
            lambda mean, n=count: math.exp(amount_likelihood(PUBLISHED_AMOUNTS, np.stack([of(n), of(mean)]))[0]),
            1e-9, 5_000, points=[10, 30, 100], limit=500,
        )[0]  # fmt: skip
        assert total == pytest.approx(1, rel=1e-5)


def test_a_fit_finds_the_parameters_that_made_the_people() -> None:
    """Simulated from both models: every parameter within what 20,000 people can tell, all starts agree."""
    rows = simulated(20_000)

    method, told = fit_clv(replace(SETTINGS, seed=3), rows, None)

    assert np.allclose(method.orders, METHOD.orders, rtol=0.2)
    assert np.allclose(method.amounts, METHOD.amounts, rtol=0.1)
    assert told["starts_agreeing"] == told["starts"]
    assert told["at_bound"] == 0
    assert abs(float(told["repeat_orders_expected_to_seen"]) - 1) < 0.02


def test_a_fit_in_weeks_and_one_in_days_say_the_same() -> None:
    """alpha is in the unit of time, r, a and b have none; each order's density changes by the factor."""
    count, since, age, _ = simulated(3_000)
    x, t_x = count - 1, age - since

    days, weeks = fit_orders(x, t_x, age), fit_orders(x, t_x / 7, age / 7)

    assert np.allclose(np.array(days.parameters) / (1, 7, 1, 1), weeks.parameters, rtol=1e-3)
    assert days.log_likelihood + float(x.sum()) * math.log(7) == pytest.approx(weeks.log_likelihood, abs=1e-3)


def test_each_share_of_the_people_reaches_its_cut_point() -> None:
    """The top tenth, the next fifth, the next three tenths, and the rest (Pareto, on the discounted value)."""
    rows = simulated(5_000)
    method, _ = fit_clv(SETTINGS, rows, None)

    scores = score_clv(method, FEATURES, given(rows))

    shares = np.bincount(scores.segment, minlength=4) / 5_000
    assert np.allclose(shares, (0.1, 0.2, 0.3, 0.4), atol=0.005)


def test_too_few_who_ordered_twice_are_refused() -> None:
    """Without second orders nothing tells a rate from a farewell."""
    rows = simulated(400)
    rows[0] = 1.0

    with pytest.raises(NothingToFit):
        fit_clv(SETTINGS, rows, None)


def test_discounting_is_that_of_the_yearly_rate_day_by_day() -> None:
    """A purchase in t days counts (1 + rate) ** (−t / 365.2425): equal to a sum over single days."""
    x, age = of(0, 3, 40), of(30, 400, 600)
    ours = sum(
        weight * expected_orders(METHOD.orders, x, age, ahead) for ahead, weight in zip(TIMES, WEIGHTS, strict=True)
    )
    steps = [expected_orders(METHOD.orders, x, age, float(day)) if day else np.zeros(3) for day in range(366)]
    daily = sum(
        (after - before) * 1.1 ** (-(day + 0.5) / 365.2425) for day, (before, after) in enumerate(pairwise(steps))
    )

    assert np.allclose(ours, daily, rtol=1e-6)


def test_without_a_rate_nothing_is_discounted() -> None:
    """The discounted number of orders is then the expected one."""
    assert discounting(365, 0.0) == ((365.0,), (1.0,))


def mixed(people: int = 300, seed: int = 5) -> Values:
    """Simulated people, some without an order, some with nothing known, some who brought nothing."""
    random = np.random.default_rng(seed)
    rows = simulated(people, seed)
    rows[3, random.random(people) < 0.1] = -50.0
    nothing = random.random(people) < 0.1
    rows[0, nothing] = 0.0
    none = np.stack([np.zeros(people, bool), nothing, nothing, nothing])
    known = np.repeat(random.random((1, people)) < 0.9, 4, axis=0)
    return given(rows, known, none)


def test_a_batch_and_a_single_person_get_the_same_value() -> None:
    """Element by element, whatever is missing (EXP-5)."""
    assert_same_one_by_one(lambda values: score_clv(METHOD, FEATURES, values), mixed())


def test_the_method_comes_back_from_its_json() -> None:
    """Floats are hexadecimal text; the digest names exactly this method."""
    assert_comes_back(METHOD, clv_from_json)


def bare(document: dict[str, Any], count: float, since: float, age: float, mean: float) -> int:
    """The segment of somebody with an order, from the JSON alone: no code of the house."""
    r, alpha, a, b = map(float.fromhex, document["orders"])
    p, q, v = map(float.fromhex, document["amounts"])
    x, total = count - 1, 0.0
    for ahead, weight in zip(document["times"], document["weights"], strict=True):
        z = float.fromhex(ahead) / (alpha + age + float.fromhex(ahead))
        left = (1 - z) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1, z)
        total += float.fromhex(weight) * (a + b + x - 1) / (a - 1) * (1 - left)
    odds = a / (b + x - 1) * ((alpha + age) / (alpha + age - since)) ** (r + x) if x else 0.0
    alive, average = 1 / (1 + odds), p * (v + count * mean) / (p * count + q - 1) if mean > 0 else 0.0
    if round(alive * 1e9) < document["alive"]:
        return len(document["cuts"]) + 1
    return sum(round(total * alive * average) < cut for cut in document["cuts"])


def test_a_bare_script_gives_the_same_segments_from_the_json() -> None:
    """The published formulas and the stored numbers are all there is to it (Article 15(1)(h) GDPR)."""
    document = json.loads(json.dumps(METHOD.to_json()))
    rows = simulated(300)

    scores = score_clv(METHOD, FEATURES, given(rows))

    assert scores.segment.tolist() == [bare(document, *column) for column in rows.T.tolist()]
    assert len(set(scores.segment.tolist())) == 4


def test_whoever_ordered_nothing_has_no_value_and_goes_to_the_other_group() -> None:
    """Known to have no order is not unknown: assessed, in the other group, or in none where there is none."""
    values = given([[0.0], [0.0], [0.0], [0.0]], none=[[False], [True], [True], [True]])

    other, none = (score_clv(replace(METHOD, otherwise=o), FEATURES, values) for o in (4, None))

    assert (other.segment[0], other.assessed[0], none.segment[0], none.assessed[0]) == (4, True, -1, True)


def test_withheld_orders_are_not_assessed() -> None:
    """All four inputs come from the orders: without them there is nothing to go by."""
    values = given([[3.0], [5.0], [90.0], [9_000.0]], known=[[True], [True], [True], [False]])

    scores = score_clv(METHOD, FEATURES, values)

    assert (scores.segment[0], scores.strength[0], scores.assessed[0]) == (-1, 0, False)


@pytest.mark.parametrize("mean", [0.0, -700.0])
def test_whoever_brought_nothing_is_expected_to_bring_nothing(mean: float) -> None:
    """Gamma-Gamma has no zero and no negative amounts: the value is zero, the segment the lowest of value."""
    values = given([[5.0], [1.0], [300.0], [mean]])

    assert estimate(METHOD, FEATURES, values).value[0] == 0
    assert score_clv(METHOD, FEATURES, values).segment[0] == 2


def test_a_value_on_a_cut_point_reaches_the_better_segment() -> None:
    """Ties go to the lower number, with no strength."""
    values = given([[5.0], [1.0], [300.0], [20_000.0]])
    value = int(estimate(METHOD, FEATURES, values).value[0])

    on, above = (score_clv(replace(METHOD, cuts=(cut,)), FEATURES, values) for cut in (value, value + 1))

    assert (on.segment[0], on.strength[0], above.segment[0]) == (0, 0, 1)


def test_whoever_is_probably_gone_stands_in_a_group_of_their_own() -> None:
    """Below the threshold of being alive the value does not matter any more."""
    values = given([[40.0], [600.0], [700.0], [90_000.0]])

    scores = score_clv(METHOD, FEATURES, values)

    assert scores.segment[0] == METHOD.asleep == 3
    assert scores.strength[0] > 990_000_000


@limits(max_examples=100, deadline=None)
@drawn(st.integers(1, 500), st.integers(0, 700), st.integers(0, 700), st.integers(-100, 10**7))
def test_what_drives_the_value_sums_to_the_difference(count: int, since: int, tenure: int, mean: int) -> None:
    """Shapley's rule: each input's part, and nothing beside them (EXP-2)."""
    parts, difference = value_parts(METHOD, (count, min(since, tenure), tenure, mean))

    assert sum(part for _, part in parts) == pytest.approx(difference, rel=1e-9, abs=1e-3)


def test_an_explanation_tells_estimate_drivers_and_nearest_limit() -> None:
    """In both languages, amounts in the currency of the orders, heaviest first."""
    values = given([[9.0], [10.0], [365.0], [9_000.0]])
    scored = int(score_clv(METHOD, FEATURES, values).segment[0])

    told = weigh_clv(METHOD, FEATURES, values, NAMES, scored)

    parts = [weight.part for weight in told.weights if weight.part is not None]
    assert told.weights[0].key == "estimate"
    assert "abgezinst" in told.weights[0].text.de
    assert [abs(part) for part in parts] == sorted((abs(part) for part in parts), reverse=True)
    assert "does not change the estimated value" in " ".join(weight.text.en for weight in told.weights)
    assert "raises the estimated value by €" in " ".join(weight.text.en for weight in told.weights)
    assert told.next_segment in (scored - 1, scored + 1)
    assert "Die Grenze liegt bei einem geschätzten Wert von" in told.closeness.de


def test_nobody_without_an_order_is_told_of_a_value() -> None:
    """There is nothing to split."""
    values = given([[0.0], [0.0], [0.0], [0.0]], none=[[False], [True], [True], [True]])

    told = weigh_clv(METHOD, FEATURES, values, NAMES, 4)

    assert told.weights == ()
    assert told.closeness.de.startswith("Im Zeitraum gibt es keine Bestellung")


BY_KEY = {feature.key: feature for feature in FEATURES}


def test_the_four_inputs_are_found_by_their_measures() -> None:
    """Where one feature of each measure is declared, none need be named."""
    settings = parse_clv(Node({"clv": {"horizon": "P24M", "discount": 0.08, "amounts": [50_000, 10_000]}}), BY_KEY)

    assert settings.features == ("orders", "last", "first", "mean")
    assert (settings.horizon_days, settings.shares, settings.segments) == (730, (), 3)


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"count": "mean"}, "$.clv.count"),
        ({"count": "nobody"}, "$.clv.count"),
        ({"horizon": "P11Y"}, "$.clv.horizon"),
        ({"horizon": "soon"}, "$.clv.horizon"),
        ({"discount": -0.1}, "$.clv.discount"),
        ({"shares": [0.3, 0.1]}, "$.clv.shares"),
        ({"amounts": [10, 20]}, "$.clv.amounts"),
        ({"amounts": [10], "shares": [0.5]}, "$.clv.amounts"),
        ({"alive": 1}, "$.clv.alive"),
        ({"rate": 1}, "$.clv"),
    ],
)
def test_a_mistake_names_its_place(part: dict[str, Any], path: str) -> None:
    """Every refusal is a JSON path and a sentence."""
    with pytest.raises(DefinitionInvalid) as refused:
        parse_clv(Node({"clv": part}), BY_KEY)

    assert refused.value.mistakes[0].path == path


def test_the_inputs_must_measure_the_same_orders() -> None:
    """A count of two years and a first order of one would contradict each other."""
    features = BY_KEY | {"first": a_measure("first", Measure.TENURE, window="P12M")}

    with pytest.raises(DefinitionInvalid, match="same orders"):
        parse_clv(Node({"clv": {}}), features)
