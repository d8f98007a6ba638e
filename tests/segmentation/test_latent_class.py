"""Latent classes: stored probabilities decide, unknown answers count as missing, and what spoke for a class sums up."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings as limits
from hypothesis import strategies as st

from governance.vocabulary import Text
from segmentation.errors import DefinitionInvalid, NothingToFit
from segmentation.explain_latent_class import split_latent_class, weigh_latent_class
from segmentation.facts import Floats, Values
from segmentation.inputs import Measure, Quantity
from segmentation.methods.latent_class import (
    Item,
    LatentClassMethod,
    answers_of,
    latent_class_from_json,
    memberships_latent_class,
    score_latent_class,
)
from segmentation.methods.latent_class_fit import Rows, _climbed, fit_latent_class, parameters
from segmentation.reading import Node
from segmentation.settings.latent_class import LatentClassSettings, parse_latent_class
from tests.segmentation.kinds import a_feature, a_measure, assert_comes_back, assert_same_one_by_one, given

FEATURES = (
    a_feature("sector", Quantity.LEVEL, ("trade", "craft", "office")),
    a_feature("newsletter", Quantity.FLAG),
    a_feature("satisfaction"),
    a_measure("last", Measure.DAYS_SINCE_LAST),
)
KEYS = ("sector", "newsletter", "satisfaction", "last")
SETTINGS = LatentClassSettings(2, KEYS, (("last", (30.0, 180.0)),), restarts=5)
NAMES = [Text(f"Gruppe {number}", f"group {number}") for number in range(9)]
CHANCES: tuple[tuple[tuple[float, ...], ...], ...] = (
    ((0.7, 0.2, 0.1), (0.9, 0.1), (0.1, 0.2, 0.7), (0.6, 0.2, 0.1, 0.1)),
    ((0.1, 0.2, 0.7), (0.3, 0.7), (0.6, 0.3, 0.1), (0.1, 0.2, 0.3, 0.4)),
)
"""By class and item; the last answer to the last item is to have ordered nothing."""


def logs(*chances: float) -> tuple[float, ...]:
    return tuple(math.log(chance) for chance in chances)


METHOD = LatentClassMethod(
    (
        Item("sector", (), (0.0, 1.0, 2.0), False),
        Item("newsletter", (), (0.0, 1.0), False),
        Item("satisfaction", (), (1.0, 3.0, 5.0), False),
        Item("last", (30.0, 180.0), (0.0, 1.0, 2.0), True),
    ),
    logs(0.6, 0.4),
    tuple(tuple(logs(*answers) for answers in group) for group in CHANCES),
)
HAND = LatentClassMethod(
    (Item("a", (), (0.0, 1.0), False), Item("b", (), (0.0, 1.0), False)),
    logs(0.5, 0.5),
    ((logs(0.2, 0.8), logs(0.4, 0.6)), (logs(0.8, 0.2), logs(0.6, 0.4))),
)
HAND_FEATURES = (a_feature("a", Quantity.FLAG), a_feature("b", Quantity.FLAG))


def simulated(people: int, seed: int = 0, gaps: float = 0.0) -> tuple[Values, Any]:
    """People who answer as METHOD says, and their classes."""
    random = np.random.default_rng(seed)
    source = (random.random(people) > 0.6).astype(int)
    answers = np.array(
        [[random.choice(len(CHANCES[g][item]), p=CHANCES[g][item]) for g in source.tolist()] for item in range(4)]
    )
    codes = ((0.0, 1.0, 2.0), (0.0, 1.0), (1.0, 3.0, 5.0), (10.0, 90.0, 400.0, 0.0))
    rows = np.array([[codes[item][answer] for answer in answers[item].tolist()] for item in range(4)])
    none = np.zeros(rows.shape, bool)
    none[3] = answers[3] == 3
    return given(rows, random.random(rows.shape) >= gaps, none), source


def of(*numbers: float) -> Values:
    return given([[number] for number in numbers])


def test_two_answers_to_two_questions_by_hand() -> None:
    """.5 × .8 × .6 = .24 against .5 × .2 × .4 = .04: 6 in 7, a margin of 5 in 7."""
    scores = score_latent_class(HAND, HAND_FEATURES, of(1, 1))

    assert memberships_latent_class(HAND, HAND_FEATURES, of(1, 1))[:, 0].tolist() == [857_142_857, 142_857_143]
    assert (scores.segment[0], scores.strength[0]) == (0, 714_285_714)


def test_a_missing_answer_adds_nothing() -> None:
    """Its marginal likelihood is one: of .8 against .2 a margin of .6 is left."""
    scores = score_latent_class(HAND, HAND_FEATURES, given([[1.0], [0.0]], known=[[True], [False]]))

    assert (scores.segment[0], scores.strength[0]) == (0, 600_000_000)


def test_equally_likely_classes_go_to_the_lower_number() -> None:
    """Twins, and twins but for less than 1e-9, are a tie."""
    twins = replace(HAND, logs=(HAND.logs[0], HAND.logs[0]))
    nearly = replace(twins, shares=(math.log(0.5 - 1e-11), math.log(0.5 + 1e-11)))

    for method in (twins, nearly):
        scores = score_latent_class(method, HAND_FEATURES, of(1, 0))
        assert (scores.segment[0], scores.strength[0]) == (0, 0)


def test_the_fit_climbs_to_the_top_of_the_likelihood_by_hand() -> None:
    """People who answer both questions alike: two classes of certain answers, half of the people each."""
    start = LatentClassMethod(HAND.items, HAND.shares, HAND.logs)
    rows = Rows(np.array([[0, 1], [0, 1]]), np.array([50, 50]))

    method = _climbed(start, rows)

    assert np.allclose(np.exp(method.shares), 0.5)
    assert np.allclose(np.exp(method.logs[0][0]), (0, 1), atol=1e-6)


def test_a_fit_finds_the_classes_that_made_the_people() -> None:
    """With one cell in ten missing, every probability within what 3,000 people can tell, the larger class first."""
    values, source = simulated(3_000, gaps=0.1)

    method, told = fit_latent_class(SETTINGS, FEATURES, values)

    assert np.allclose(np.exp(method.shares), (0.6, 0.4), atol=0.05)
    for group, chances in zip(method.logs, CHANCES, strict=True):
        for item, expected in zip(group, chances, strict=True):
            assert np.allclose(np.exp(item), expected, atol=0.07)
    assert (score_latent_class(method, FEATURES, values).segment == source).mean() > 0.85
    assert told["starts_agreeing"] == told["starts"] == 5
    assert float(told["by_size_1_share"]) > float(told["by_size_2_share"])


def test_the_likelihood_and_bic_are_those_of_the_formula() -> None:
    """The sum over people of the logarithm of the sum over classes; BIC adds the logarithm of people per parameter."""
    values, _ = simulated(400)

    method, told = fit_latent_class(SETTINGS, FEATURES, values)

    answers = answers_of(method.items, FEATURES, values)
    expected = sum(
        math.log(sum(
            math.exp(share + sum(group[item][answer] for item, answer in enumerate(column)))
            for share, group in zip(method.shares, method.logs, strict=True)
        ))
        for column in answers.T.tolist()
    )  # fmt: skip
    assert float(told["log_likelihood"]) == pytest.approx(expected, abs=1e-5)
    assert float(told["bic"]) == pytest.approx(17 * math.log(400) - 2 * expected, abs=1e-4)
    assert parameters(method.items, 2) == 17


def test_no_other_parameters_are_likelier_than_the_fitted_ones() -> None:
    """The climb ends at a top: a step in any direction of any probability loses."""
    values, _ = simulated(300)
    method, told = fit_latent_class(SETTINGS, FEATURES, values)
    answers = answers_of(method.items, FEATURES, values)

    def total(shares: Floats, tables: list[list[Floats]]) -> float:
        logs = np.log(shares)[:, None] + sum(
            np.stack([np.log(tables[group][item])[answers[item]] for group in range(2)]) for item in range(4)
        )
        return float(np.log(np.exp(logs).sum(axis=0)).sum())

    shares = np.exp(np.array(method.shares))
    tables = [[np.exp(np.array(item)) for item in group] for group in method.logs]
    top = total(shares, tables)
    assert top == pytest.approx(float(told["log_likelihood"]), abs=1e-5)
    for group, item in product(range(2), range(4)):
        for one, other in permutations(range(len(tables[group][item])), 2):
            moved = [[table.copy() for table in row] for row in tables]
            moved[group][item][one] += 2e-4 * tables[group][item][other]
            moved[group][item][other] *= 1 - 2e-4
            assert total(shares, moved) <= top + 1e-6


def test_the_least_bic_chooses_the_number_of_classes() -> None:
    """Of two to four classes the two that there are; every number's figures are kept."""
    values, _ = simulated(800)

    method, told = fit_latent_class(replace(SETTINGS, most=4, restarts=3), FEATURES, values)

    assert len(method.shares) == 2
    assert float(told["k2_bic"]) < min(float(told["k3_bic"]), float(told["k4_bic"]))


def test_the_same_seed_gives_the_same_classes() -> None:
    """Starts are drawn by the seed and nothing else."""
    values, _ = simulated(300)

    assert fit_latent_class(SETTINGS, FEATURES, values)[0] == fit_latent_class(SETTINGS, FEATURES, values)[0]


def test_fewer_different_answers_than_classes_are_refused() -> None:
    """One answer makes no two classes; neither does an item that nobody answered."""
    alike = given(np.tile([[0.0], [1.0], [3.0], [10.0]], (1, 50)))
    values, _ = simulated(50)
    silent = Values(values.numbers, values.known & np.array([[True], [True], [True], [False]]), values.none)

    for sample in (alike, silent):
        with pytest.raises(NothingToFit):
            fit_latent_class(SETTINGS, FEATURES, sample)


def test_a_number_with_too_many_values_asks_for_cut_points() -> None:
    """Twenty codes are a list, twenty-one are a measure."""
    values = given(np.stack([np.zeros(50), np.zeros(50), np.arange(50.0) % 21, np.zeros(50)]))

    with pytest.raises(DefinitionInvalid, match="give its cut points"):
        fit_latent_class(SETTINGS, FEATURES, values)


def test_a_batch_and_a_single_person_are_assigned_alike() -> None:
    """Logarithms are added in the order of the items, whatever is missing (EXP-5)."""
    values, _ = simulated(200, seed=4, gaps=0.3)

    assert_same_one_by_one(lambda part: score_latent_class(METHOD, FEATURES, part), values)


def test_the_method_comes_back_from_its_json() -> None:
    """Floats are hexadecimal text; the digest names exactly this method."""
    assert_comes_back(METHOD, latent_class_from_json)


@pytest.mark.parametrize(
    ("item", "unknown"),
    [("sector", 3.0), ("newsletter", 2.0), ("satisfaction", 2.0)],
)
def test_an_answer_unknown_to_the_model_counts_as_missing(item: str, unknown: float) -> None:
    """Neither an error nor the next item's column: the same memberships as without an answer."""
    row = KEYS.index(item)
    numbers = [0.0, 1.0, 5.0, 10.0]
    numbers[row] = unknown
    known = [[place != row] for place in range(4)]

    told, missing = of(*numbers), given([[number] for number in numbers], known=known)

    assert answers_of(METHOD.items, FEATURES, told)[row, 0] == -1
    assert (
        memberships_latent_class(METHOD, FEATURES, told) == memberships_latent_class(METHOD, FEATURES, missing)
    ).all()


def test_a_level_the_catalogue_does_not_list_is_no_answer_in_the_fit() -> None:
    """Its number is the length of the list: any other word."""
    values, _ = simulated(300)
    values.numbers[0, :40] = 3.0

    method, _ = fit_latent_class(SETTINGS, FEATURES, values)

    assert method.items[0].codes == (0.0, 1.0, 2.0)


def test_to_have_ordered_nothing_is_an_answer_and_to_withhold_is_none() -> None:
    """What is known to be nothing speaks; what is withheld never does (withholding is never a feature)."""
    nothing = given([[0.0], [0.0], [5.0], [0.0]], none=[[False], [False], [False], [True]])
    withheld = given([[0.0], [0.0], [5.0], [0.0]], known=[[True], [True], [True], [False]])

    assert answers_of(METHOD.items, FEATURES, nothing)[3, 0] == 3
    assert answers_of(METHOD.items, FEATURES, withheld)[3, 0] == -1


def test_a_value_on_a_cut_point_stands_on_its_lower_side() -> None:
    """As in every kind that cuts."""
    answers = answers_of(
        METHOD.items, FEATURES, given(np.array([[0.0] * 3, [0.0] * 3, [1.0] * 3, [30.0, 31.0, 181.0]]))
    )

    assert answers[3].tolist() == [0, 1, 2]


def test_below_half_the_answers_nobody_is_assessed() -> None:
    """An answer that the model does not know does not help."""
    known = np.array([[True, True], [True, True], [False, False], [False, False]])
    values = given(np.array([[0.0, 3.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]]), known)

    scores = score_latent_class(METHOD, FEATURES, values)

    assert scores.assessed.tolist() == [True, False]
    assert (scores.segment[1], scores.strength[1]) == (-1, 0)


def bare(document: dict[str, Any], cells: list[float | None]) -> int:
    """The likeliest class from the JSON alone; a cell is a number, None where missing, NaN where known to be none."""
    sums = [float.fromhex(share) for share in document["shares"]]
    for place, (item, cell) in enumerate(zip(document["items"], cells, strict=True)):
        if cell is None:
            continue
        if math.isnan(cell):
            answer = len(item["codes"]) if item["none"] else None
        else:
            cuts = [float.fromhex(cut) for cut in item["cuts"]]
            code = float(sum(cell > cut for cut in cuts)) if cuts else cell
            codes = [float.fromhex(text) for text in item["codes"]]
            answer = codes.index(code) if code in codes else None
        if answer is not None:
            sums = [s + float.fromhex(group[place][answer]) for s, group in zip(sums, document["logs"], strict=True)]
    return int(np.argmax(sums))


def test_a_bare_script_gives_the_same_segments_from_the_json() -> None:
    """Row by row, with unseen answers and missing cells: additions of stored numbers are all there is to it."""
    document = json.loads(json.dumps(METHOD.to_json()))
    values, _ = simulated(300, seed=8, gaps=0.3)
    values.numbers[0, ::7] = np.where(values.known[0, ::7], 3.0, 0.0)

    scores = score_latent_class(METHOD, FEATURES, values)

    for person in np.flatnonzero(scores.assessed).tolist():
        cells: list[float | None] = [
            (math.nan if none else number) if known else None
            for number, known, none in zip(
                values.numbers[:, person], values.known[:, person], values.none[:, person], strict=True
            )
        ]
        assert scores.segment[person] == bare(document, cells)


@limits(max_examples=100, deadline=None)
@drawn(st.integers(0, 2**32 - 1))
def test_what_spoke_for_a_class_sums_to_how_much_likelier_it_is(seed: int) -> None:
    """Answers and the size of the classes: nothing is left over (EXP-2)."""
    values, _ = simulated(1, seed, gaps=0.2)
    own = int(score_latent_class(METHOD, FEATURES, values).segment[0])
    if own < 0:
        return

    split = split_latent_class(METHOD, FEATURES, values, own)

    assert sum(part for _, part in split.parts) == pytest.approx(split.difference, abs=1e-12)
    assert split.difference == pytest.approx(math.log(split.own / split.beside), abs=1e-9)


def test_an_explanation_tells_how_often_an_answer_is_given_in_either_class() -> None:
    """Heaviest first, in both languages; a number between cut points is similar, not the same."""
    told = weigh_latent_class(METHOD, FEATURES, of(0, 0, 3, 10), NAMES, 0)

    lines = {weight.key: weight.text for weight in told.weights}
    parts = [abs(weight.part or 0.0) for weight in told.weights]
    assert parts == sorted(parts, reverse=True)
    assert "dieselbe Angabe haben 70\u202f% in „Gruppe 0“ und 10\u202f% in „Gruppe 1“" in lines["sector"].de
    assert "a similar detail is given by 60% in “group 0” and 10% in “group 1”" in lines["last"].en
    assert lines["group_size"].de.startswith("Wie groß die beiden Gruppen sind. Das sprach für „Gruppe 0“")
    assert "mit einer Wahrscheinlichkeit von 99,2\u202f%" in told.closeness.de
    assert told.next_segment == 1


def test_answers_of_a_class_that_was_too_small_are_not_told() -> None:
    """Nobody else's data is shown (EXP-4)."""
    told = weigh_latent_class(METHOD, FEATURES, of(0, 0, 5, 10), NAMES, 0, hidden=frozenset({1}))

    assert not any("Angabe" in weight.text.de for weight in told.weights)


BY_KEY = {
    feature.key: feature for feature in (*FEATURES, a_feature("free", Quantity.LEVEL), a_measure("n", Measure.SUM))
}


def test_a_definition_names_classes_items_and_cut_points() -> None:
    """All that is left out has its default: twenty starts, the seed zero."""
    part = {"k": {"from": 2, "to": 4}, "features": list(KEYS), "bins": {"last": [30, 180]}}

    settings = parse_latent_class(Node({"latent_class": part}), BY_KEY)

    assert (settings.segments, list(settings.numbers), settings.restarts) == (None, [2, 3, 4], 20)
    assert (settings.cuts("last"), settings.cuts("sector")) == ((30.0, 180.0), ())


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"k": 1, "features": ["sector"]}, "$.latent_class.k"),
        ({"k": 2, "features": ["last"]}, "$.latent_class.features"),
        ({"k": 2, "features": ["free"]}, "$.latent_class.features"),
        ({"k": 2, "features": ["last"], "bins": {"last": [9, 3]}}, "$.latent_class.bins.last"),
        ({"k": 2, "features": ["sector"], "bins": {"sector": [1]}}, "$.latent_class.bins.sector"),
        ({"k": 2, "features": ["sector"], "bins": {"last": [1]}}, "$.latent_class.bins"),
        ({"k": 2, "features": ["sector"], "reduce": {}}, "$.latent_class.reduce"),
        ({"k": 2, "features": ["sector"], "classes": 3}, "$.latent_class"),
    ],
)
def test_a_mistake_names_its_place(part: dict[str, Any], path: str) -> None:
    """Every refusal is a JSON path and a sentence."""
    with pytest.raises(DefinitionInvalid) as refused:
        parse_latent_class(Node({"latent_class": part}), BY_KEY)

    assert refused.value.mistakes[0].path == path
