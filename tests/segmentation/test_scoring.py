"""Scoring is reproducible to the bit: a million people and one, stored and read back, whatever is missing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.vocabulary import Reason
from segmentation.definitions import parse_definition
from segmentation.facts import Facts, values_of
from segmentation.fitting_clusters import fit_clusters
from segmentation.methods.kmeans import KMeansMethod
from segmentation.methods.rfm import RfmMethod, fit_rfm, scores_of
from segmentation.methods.rules import Judge, RulesMethod
from segmentation.methods.scores import first_match, pack_bits
from segmentation.models import Model, make_model, parse_model
from segmentation.record import Flag, Record, RecordLayout, pack, unpack
from segmentation.scoring import score, score_one
from segmentation.settings.kmeans import KMeansSettings
from segmentation.settings.rfm import RfmSettings, ScoreRanges
from segmentation.settings.shared import Transform
from segmentation.stability import adjusted_rand, contingency, matching
from tests.consent.builders import TODAY
from tests.segmentation.builders import CATALOGUE, NAME, clusters, reactivation, rfm

NUMBER = st.floats(-1e9, 1e9, allow_nan=False) | st.just(float("nan"))
INT64 = st.integers(-(2**63), 2**63 - 1)


def kmeans_model(random: np.random.Generator) -> Model:
    """Three centroids anywhere."""
    definition = parse_definition(json.dumps(clusters()), CATALOGUE)
    means, scales = random.normal(0, 100, 4), random.uniform(0.5, 50, 4)
    method = KMeansMethod(
        ("orders", "revenue", "employees", "satisfaction"),
        Transform.SQRT,
        tuple(means.tolist()),
        tuple(scales.tolist()),
        tuple(tuple(row) for row in random.normal(0, 1, (3, 4)).tolist()),
    )
    segments = parse_definition(json.dumps(reactivation()), CATALOGUE).segments
    return make_model(definition.kind, definition.digest, "Europe/Berlin", definition.features, segments, method, {})


def rules_model(rule: dict[str, Any]) -> Model:
    """One rule, nothing otherwise."""
    document = reactivation(segments=[{"key": "one", "name": NAME, "rule": rule}])
    del document["otherwise"]
    definition = parse_definition(json.dumps(document), CATALOGUE)
    rules = tuple(segment.rule for segment in definition.segments if segment.rule)
    method = RulesMethod(rules, None)
    return make_model(
        definition.kind, definition.digest, "Europe/Berlin", definition.features, definition.segments, method, {}
    )


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_a_batch_and_a_single_person_score_the_same_to_the_bit(data: st.DataObject, seed: int, people: int) -> None:
    """Element by element in fixed order: no matrix product, whatever is missing (EXP-5)."""
    model = kmeans_model(np.random.default_rng(seed))
    cells = data.draw(st.lists(st.tuples(NUMBER, st.booleans()), min_size=4 * people, max_size=4 * people))
    values = np.array([cell[0] for cell in cells]).reshape(4, people)
    present = np.array([cell[1] for cell in cells]).reshape(4, people)

    batch = score(model, Facts(values, present), today=TODAY)

    for person in range(people):
        one = score_one(model, tuple(values[:, person]), tuple(present[:, person]), today=TODAY)
        assert (one.segment, one.strength, one.assessed) == (
            batch.segment[person],
            batch.strength[person],
            batch.assessed[person],
        )


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_model_comes_back_from_its_document_to_the_bit(seed: int) -> None:
    """Floats are hexadecimal text; the digest names exactly this model."""
    model = kmeans_model(np.random.default_rng(seed))

    assert parse_model(model.document, model.digest) == model


@given(
    st.builds(
        Record,
        run=INT64, subject=INT64, now=INT64, watermark=INT64, strength=st.integers(0, 10**9), correction=INT64,
        scored=st.integers(-1, 999), stable=st.integers(-1, 999), effective=st.integers(-1, 999),
        previous=st.integers(-1, 999), flags=st.sampled_from(list(Flag)), reason=st.none() | st.sampled_from(Reason),
        presence=st.tuples(*[st.booleans()] * 9), facts=st.tuples(*[st.floats(allow_nan=False)] * 9),
        rules=st.frozensets(st.integers(0, 10)),
    )
)  # fmt: skip
def test_a_record_comes_back_from_its_bytes(record: Record) -> None:
    """Packed and opened again it says the same (EXP-1)."""
    layout = RecordLayout(9, 11)

    assert unpack(pack(record, layout), layout) == record
    assert len(pack(record, layout)) == layout.width


RULES = [
    {"feature": "orders", "at_least": 3},
    {"not": {"feature": "orders", "at_least": 3}},
    {"not": {"any": [{"feature": "orders", "below": 2}, {"feature": "revenue", "above": 10}]}},
    {"all": [{"feature": "orders", "at_least": 0}, {"not": {"feature": "last_order", "missing": True}}]},
    {"any": [{"last_order_before": "P180D"}, {"feature": "employees", "between": [1, 10]}]},
]


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(RULES),
    st.lists(NUMBER, min_size=4, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.integers(0, 3),
    NUMBER,
)
def test_withholding_never_puts_anybody_into_a_segment(
    rule: dict[str, Any], facts: list[float], present: list[bool], hidden: int, other: float
) -> None:
    """Who is in a rule without a value is in it whatever the value was: withholding is never a feature."""
    model = rules_model(rule)
    without = [known and slot != hidden for slot, known in enumerate(present)]
    values = values_of(model.features, _facts(facts, without), today=TODAY)
    if not Judge(model.features, values, TODAY).surely(model.method.rules[0])[0]:  # type: ignore[union-attr]
        return
    told = [other if slot == hidden else fact for slot, fact in enumerate(facts)]
    again = values_of(model.features, _facts(told, [k or s == hidden for s, k in enumerate(without)]), today=TODAY)
    assert Judge(model.features, again, TODAY).surely(model.method.rules[0])[0]  # type: ignore[union-attr]


def _facts(values: list[float], present: list[bool]) -> Facts:
    return Facts(np.array(values).reshape(4, 1), np.array(present).reshape(4, 1))


def test_two_equally_near_centroids_go_to_the_lower_number() -> None:
    """A margin below 1e-9 is a tie."""
    model = kmeans_model(np.random.default_rng(1))
    method = model.method
    assert isinstance(method, KMeansMethod)
    same = (0.0, 0.0, 0.0, 0.0)
    for centroids in ((same, (1e-12, 0.0, 0.0, 0.0), same), ((1e-12, 0.0, 0.0, 0.0), same, same)):
        tied = KMeansMethod(method.features, Transform.NONE, (0.0,) * 4, (1.0,) * 4, centroids)
        made = make_model(model.kind, model.definition, model.zone, model.features, model.segments, tied, {})
        one = score_one(made, (9.0, 9.0, 9.0, 9.0), (True,) * 4, today=TODAY)
        assert (one.segment, one.strength) == (0, 0)


@given(st.lists(st.integers(0, 6), min_size=5, max_size=200))
def test_equal_values_get_equal_rfm_scores(values: list[int]) -> None:
    """Cut points are thresholds, ties stand on one side: no quintile splits a value (findings I)."""
    definition = parse_definition(json.dumps(rfm()), CATALOGUE)
    rows = np.array([values, values, values], dtype=np.float64)
    all_scores = ScoreRanges((0, 5), (0, 5), (0, 5))
    method = fit_rfm(RfmSettings("recency", "frequency", "monetary"), [all_scores], None, rows)
    facts = Facts(np.array([[TODAY - v for v in values], values, values], dtype=float), np.ones((3, len(values)), bool))

    scores = scores_of(method, definition.features, values_of(definition.features, facts, today=TODAY))

    for axis in range(3):
        pairs = {(value, int(found)) for value, found in zip(values, scores[axis], strict=True)}
        assert len(pairs) == len(set(values))
    assert set(scores.ravel().tolist()) <= {1, 2, 3, 4, 5}


def test_an_rfm_value_on_a_cut_point_stands_on_its_lower_side() -> None:
    """Scores fall and rise at the stored threshold, never beside it."""
    definition = parse_definition(json.dumps(rfm()), CATALOGUE)
    method = RfmMethod(("recency", "frequency", "monetary"), ((10.0,), (10.0,), (10.0,)), (), None)
    facts = Facts(np.array([[TODAY - 10.0, TODAY - 11.0], [10.0, 11.0], [10.0, 11.0]]), np.ones((3, 2), bool))

    scores = scores_of(method, definition.features, values_of(definition.features, facts, today=TODAY))

    assert scores.tolist() == [[2, 1], [1, 2], [1, 2]]


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=20))
def test_the_first_rule_that_fits_takes_the_person(matches: list[list[bool]]) -> None:
    """Order is precedence; the packed bits are those of numpy."""
    fits = np.array(matches)

    chosen = first_match(fits, None)

    assert chosen.tolist() == [column.index(True) if any(column) else -1 for column in fits.T.tolist()]
    assert (pack_bits(fits) == np.packbits(fits, axis=0)).all()


def test_labels_follow_the_greatest_overlap() -> None:
    """A refit that numbers otherwise gets the old numbers back."""
    before = np.array([0] * 50 + [1] * 40 + [2] * 30, dtype=np.int16)
    after = np.array([2] * 50 + [0] * 40 + [1] * 30, dtype=np.int16)

    numbers = matching(contingency(before, after, 3, 3))

    assert (np.array(numbers)[after] == before).all()
    assert adjusted_rand(contingency(before, after, 3, 3)) == 1.0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=60), st.integers(0, 1000))
def test_the_adjusted_rand_index_equals_the_library(labels: list[int], seed: int) -> None:
    """Known answer: scikit-learn's."""
    from sklearn.metrics import adjusted_rand_score

    one = np.array(labels, dtype=np.int16)
    other = np.random.default_rng(seed).integers(0, 4, len(labels)).astype(np.int16)
    ours = adjusted_rand(contingency(one, other, 4, 4))
    assert ours is not None
    assert abs(ours - adjusted_rand_score(one, other)) < 1e-12


def test_a_fit_on_the_same_rows_scores_its_own_people_as_it_labelled_them() -> None:
    """The stored centroids, not the library's object, decide."""
    random = np.random.default_rng(3)
    rows = random.normal(0, 1, (4, 500)) + random.integers(0, 3, 500) * 10
    model = kmeans_model(random)
    settings = KMeansSettings(3, ("orders", "revenue", "employees", "satisfaction"))
    method, fit, _ = fit_clusters(settings, model.features, rows, None)
    made = make_model(model.kind, model.definition, model.zone, model.features, model.segments, method, {})

    scores = score(made, Facts(rows, np.ones(rows.shape, bool)), today=TODAY)

    assert scores.assessed.all()
    assert len(set(scores.segment.tolist())) == 3
    assert float(fit["inertia"]) < 0.2
