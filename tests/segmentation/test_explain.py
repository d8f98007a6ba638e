"""Explanations and counterfactuals, from a record and a model alone."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.database import to_microseconds
from governance.catalogue import parse_catalogue
from governance.vocabulary import Reason, Text
from segmentation import counterfactual, explain_texts
from segmentation.counterfactual import Act, changed_facts, find_counterfactual, outcome
from segmentation.definitions import Definition, Segment, parse_definition
from segmentation.explain import CorrectionNote, Explanation, PriceNote, Surroundings, explain
from segmentation.facts import facts_of_one, values_of
from segmentation.methods.kmeans import KMeansMethod, squared_distances, standardised
from segmentation.methods.rfm import RfmMethod
from segmentation.methods.rules import RulesMethod
from segmentation.models import Model, make_model
from segmentation.record import Flag, Record
from segmentation.scoring import score_one, today_of
from segmentation.settings.rfm import ScoreRanges
from segmentation.settings.shared import Transform
from segmentation.settings.stability import Stability
from tests.builders import default_catalogue
from tests.small_world import NOON, TODAY

CATALOGUE = parse_catalogue(default_catalogue())
LABELS = {key: field.label for key, field in CATALOGUE.fields.items()}
SUGGESTABLE = {key: field.mutable and field.suggestable for key, field in CATALOGUE.fields.items()}
AROUND = Surroundings(LABELS, SUGGESTABLE)

FEATURES = [
    {"key": "last", "activity": "days_since_last", "window": "P24M"},
    {"key": "orders", "activity": "count", "window": "P12M"},
    {"key": "revenue", "activity": "sum", "window": "P12M"},
    {"key": "mean", "activity": "mean_order_value", "window": "P12M"},
    {"key": "staff", "field": "employees"},
]
GOLD_RULE = {"all": [{"feature": "orders", "at_least": 5}, {"feature": "revenue", "above": 300_000}]}
OLD_RULE = {"any": [{"last_order_before": "P180D"}, {"not": {"feature": "orders", "at_least": 1}}]}


def a_definition(kind: str = "rules", **changes: Any) -> Definition:
    document: dict[str, Any] = {
        "scheme": "value",
        "unit": "contact",
        "purpose": "personalised_offers",
        "kind": kind,
        "features": FEATURES,
        "effect_class": "marketing",
    }
    if kind == "rules":
        document["segments"] = [
            {"key": "gold", "name": {"de": "Stammkundschaft", "en": "Regulars"}, "rule": GOLD_RULE},
            {"key": "back", "name": {"de": "Rückkehr erwünscht", "en": "Welcome back"}, "rule": OLD_RULE},
        ]
        document["otherwise"] = {"key": "others", "name": {"de": "Übrige", "en": "Others"}}
    if kind == "rfm":
        document["rfm"] = {"recency": "last", "frequency": "orders", "monetary": "revenue"}
    if kind == "kmeans":
        document["kmeans"] = {"k": 3, "features": ["last", "orders", "revenue", "staff"]}
    if kind == "manual":
        del document["features"]
        document["segments"] = [{"key": "vip", "name": {"de": "Begleitet", "en": "Accompanied"}}]
    return parse_definition(json.dumps(document | changes), CATALOGUE)


def rules_model(definition: Definition) -> Model:
    segments = definition.segments
    rules = tuple(segment.rule for segment in segments if segment.rule is not None)
    return _made(definition, RulesMethod(rules, definition.otherwise))


def rfm_model(definition: Definition) -> Model:
    cuts = ((30.0, 60.0, 120.0, 240.0), (1.0, 2.0, 4.0, 8.0), (20_000.0, 60_000.0, 150_000.0, 400_000.0))
    ranges = tuple(s.scores or ScoreRanges((0, 5), (0, 5), (0, 5)) for s in definition.segments)
    return _made(definition, RfmMethod(("last", "orders", "revenue"), cuts, ranges, definition.otherwise))


def kmeans_model(definition: Definition, margin: float = 0.0, transform: Transform = Transform.NONE) -> Model:
    method = KMeansMethod(
        features=("last", "orders", "revenue", "staff"),
        transform=transform,
        means=(120.0, 4.0, 200_000.0, 60.0),
        scales=(90.0, 3.0, 150_000.0, 50.0),
        centroids=((-1.0, 1.5, 1.4, 0.3), (0.1, -0.3, -0.4, 0.0), (1.6, -1.0, -0.9, -0.4)),
    )
    names = [Text("Viel", "Much"), Text("Mittel", "Some"), Text("Wenig", "Little")]
    segments = tuple(Segment(f"s{n}", name, name) for n, name in enumerate(names, 1))
    return _made(replace(definition, segments=segments, stability=Stability(margin)), method)


def _made(definition: Definition, method: Any) -> Model:
    segments = definition.segments
    return make_model(
        definition.kind,
        definition.digest,
        "Europe/Berlin",
        definition.features,
        segments,
        method,
        {},
        definition.stability,
    )


MODELS = {"rules": rules_model, "rfm": rfm_model, "kmeans": kmeans_model}


def a_record(model: Model, facts: tuple[float, ...], present: tuple[bool, ...], previous: int = -1) -> Record:
    """What a run would have stored for these facts."""
    record = Record(
        run=7, subject=1, now=to_microseconds(NOON), watermark=3, strength=0, correction=0, scored=-1, stable=-1,
        effective=-1, previous=previous, flags=Flag(0), reason=None, presence=present, facts=facts, rules=frozenset(),
    )  # fmt: skip
    scored = score_one(model, facts, present, today=today_of(model, record))
    flags = Flag(0) if scored.assessed else Flag.NOT_ASSESSED
    return replace(
        record, strength=scored.strength, scored=scored.segment, stable=scored.segment, effective=scored.segment,
        flags=flags, rules=scored.rules,
    )  # fmt: skip


def facts_of(
    model: Model, *, last: float = 20, orders: int = 3, revenue: int = 90_000, staff: int = 40
) -> tuple[float, ...]:
    """Facts in slot order, from values people can read."""
    by_slot = {
        ("last", "last_day"): float(TODAY - last), ("orders", "occasions"): float(orders),
        ("revenue", "amount"): float(revenue), ("mean", "amount"): float(revenue), ("mean", "occasions"): float(orders),
        ("staff", "value"): float(staff),
    }  # fmt: skip
    return tuple(by_slot[slot.feature, slot.part.value] for slot in model.slots)


def explained(kind: str, around: Surroundings = AROUND, **values: Any) -> Explanation:
    definition = a_definition(kind)
    model = MODELS[kind](definition)
    facts = facts_of(model, **values)
    record = a_record(model, facts, (True,) * len(facts))
    return explain(definition, model, record, around, decided_at=NOON)


people = st.fixed_dictionaries(
    {
        "last": st.integers(0, 700),
        "orders": st.integers(0, 12),
        "revenue": st.integers(0, 900_000),
        "staff": st.integers(1, 400),
    }
)
kinds = st.sampled_from(sorted(MODELS))


@settings(max_examples=150, deadline=None)
@given(kinds, people, st.data())
def test_every_counterfactual_that_is_told_flips_when_scored_again(
    kind: str, values: dict[str, int], data: Any
) -> None:
    """A counterfactual that does not flip is a lie (C-203/22, EXP-2, invariant 8)."""
    model = MODELS[kind](a_definition(kind))
    facts = facts_of(model, **values)
    present = tuple(data.draw(st.lists(st.booleans(), min_size=len(facts), max_size=len(facts))))
    record = a_record(model, facts, present)
    hidden = frozenset(data.draw(st.sets(st.integers(0, len(model.segments) - 1), max_size=1)))

    found = find_counterfactual(model, record, SUGGESTABLE, suppressed=hidden)

    if found is not None:
        after, shown = changed_facts(model, record, found.changes)
        again = score_one(model, after, shown, today=today_of(model, record))
        assert again.segment == found.segment != record.effective
        assert found.segment not in hidden
        assert shown == present
        assert 1 <= len(found.changes) <= 2


@settings(max_examples=100, deadline=None)
@given(people, st.lists(st.booleans(), min_size=6, max_size=6), st.sampled_from(list(Transform)))
def test_the_parts_of_a_distance_sum_to_the_difference(
    values: dict[str, int], present: list[bool], transform: Transform
) -> None:
    """Nothing weighed that is not told, and nothing is told that did not weigh (design 6)."""
    definition = a_definition("kmeans")
    model = kmeans_model(definition, transform=transform)
    assert isinstance(model.method, KMeansMethod)
    record = a_record(model, facts_of(model, **values), tuple(present))
    if record.flags & Flag.NOT_ASSESSED:
        return

    weighing = explain(definition, model, record, AROUND, decided_at=NOON).weighing

    numbers = values_of(model.features, facts_of_one(record.facts, record.presence), today=today_of(model, record))
    standard = standardised(model.method, model.features, numbers)
    distances = squared_distances(model.method, standard.numbers, standard.known)[:, 0]
    assert weighing.next_segment is not None
    assert weighing.difference == pytest.approx(distances[weighing.next_segment] - distances[record.scored], abs=1e-9)
    assert sum(weight.part or 0.0 for weight in weighing.weights) == pytest.approx(weighing.difference, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(kinds, people)
def test_both_languages_are_whole(kind: str, values: dict[str, int]) -> None:
    """Every sentence is there in German and English, and no placeholder is left (T35)."""
    explanation = explained(kind, **values)

    for language in ("de", "en"):
        said = explanation.to_json(language)
        texts = re.findall(r'"((?:[^"\\]|\\.)*)"', json.dumps(said, ensure_ascii=False))
        assert not any("{" in text or "}" in text or "None" in text or "nan" in text.split() for text in texts)
    assert explanation.to_json("de").keys() == explanation.to_json("en").keys()
    assert explanation.procedure.de != explanation.procedure.en


def test_only_suggestable_fields_are_ever_suggested() -> None:
    """Nobody is told to be younger or to hire people (EXP-4)."""
    model = kmeans_model(a_definition("kmeans"))
    record = a_record(model, facts_of(model), (True,) * 6)

    assert not SUGGESTABLE["employees"]
    assert find_counterfactual(model, record, {"employees": False, "purchase_history": False}) is None
    found = find_counterfactual(model, record, SUGGESTABLE)
    assert found is not None
    assert {change.target for change in found.changes} == {"purchase_history"}


def test_more_orders_move_every_feature_that_hangs_on_them() -> None:
    """One fact, all that is derived from it: days, number, sum and mean."""
    model = kmeans_model(a_definition("kmeans"))
    record = a_record(model, facts_of(model, last=50, orders=3, revenue=90_000), (True,) * 6)
    change = counterfactual.Change(Act.MORE_ORDERS, "purchase_history", 2, 50_000, "EUR")

    after, _ = changed_facts(model, record, (change,))

    assert after == facts_of(model, last=0, orders=5, revenue=190_000)


def test_an_unknown_fact_stays_unknown_in_a_counterfactual() -> None:
    """A withheld cell is never guessed."""
    model = kmeans_model(a_definition("kmeans"))
    present = (True, True, False, True, True, True)
    record = a_record(model, facts_of(model), present)
    change = counterfactual.Change(Act.MORE_ORDERS, "purchase_history", 5, 500_000, "EUR")

    after, shown = changed_facts(model, record, (change,))

    assert shown == present
    assert after[2] == record.facts[2]


def test_stability_is_applied_before_a_counterfactual_is_told() -> None:
    """A narrow win that the next run would not follow is no way to another segment."""
    definition = a_definition("kmeans")
    loose, sticky = kmeans_model(definition), kmeans_model(definition, margin=0.5)
    record = a_record(loose, facts_of(loose), (True,) * 6, previous=1)
    found = find_counterfactual(loose, record, SUGGESTABLE)
    assert found is not None

    [segment] = outcome(sticky, record, [found.changes], frozenset())
    assert segment == 1


def test_where_no_change_leads_elsewhere_we_say_so() -> None:
    explanation = explained("rules", orders=12, revenue=900_000)

    assert explanation.counterfactual is None
    assert explanation.what_would_change_it.de.startswith("Wir haben keine Änderung")
    assert explanation.what_would_change_it.en.startswith("We found no change")


def test_a_rule_is_explained_with_what_decided_and_what_did_not() -> None:
    said = explained("rules", orders=3, revenue=90_000, last=20).to_json("de")
    text = " ".join(weight["text"] for weight in said["weights"])

    assert said["name"] == "Übrige"
    assert "Vorher geprüft, traf nicht zu: „Stammkundschaft“." in text
    assert "Zahl der Bestellungen mindestens 5 (bei Ihnen: 3\u00a0Bestellungen)" in text
    assert said["counterfactual_found"]
    assert "Dann wäre es „Stammkundschaft“ gewesen" in said["what_would_change_it"]


def test_rfm_tells_levels_and_limits() -> None:
    said = explained("rfm").to_json("en")

    assert "That is level 5 of 5" in said["weights"][0]["text"]
    assert "the limits are" in said["weights"][0]["text"]
    assert "Closest to a limit is" in said["closeness"]


def test_amounts_and_days_are_written_as_people_write_them() -> None:
    """86,20 € and €86.20, never raw minor units (design of the pages, German type)."""
    explanation = explained("rules", revenue=1_234_567, last=20)
    german, english = explanation.to_json("de")["inputs"], explanation.to_json("en")["inputs"]

    assert german[2]["value"] == "12\u202f345,67\u202f€"
    assert english[2]["value"] == "€12,345.67"
    assert german[0]["value"] == "20\u00a0Tage (am 2.\u00a0November 2026)"
    assert english[0]["value"] == "20\u00a0days (on 2\u00a0November 2026)"
    assert german[0]["source"].endswith("letzte 24\u00a0Monate")


def test_typical_values_of_a_segment_that_was_too_small_are_not_told() -> None:
    """The centre of nine people is about those nine (EXP-3, T11)."""
    shown = explained("kmeans").to_json("de")["weights"][0]["text"]
    hidden = explained("kmeans", replace(AROUND, suppressed=frozenset({0, 1, 2}))).to_json("de")["weights"][0]["text"]

    assert "üblich sind" in shown
    assert "üblich" not in hidden


def test_a_decision_of_the_desk_is_told_with_role_and_date_and_without_a_name() -> None:
    note = CorrectionNote("move", Text("Stammkundschaft", "Regulars"), "desk", datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    explanation = explained("rules", replace(AROUND, correction=note, effective=0))

    assert explanation.segment == "gold"
    assert explanation.counterfactual is None
    assert (
        explanation.steps[-1].de
        == "Am 20.\u00a0November 2026 hat die Beschwerdestelle Sie in „Stammkundschaft“ gesetzt."
    )
    assert explanation.steps[-1].en == "On 20\u00a0November 2026 the complaint desk put you into “Regulars”."
    assert explanation.what_would_change_it == explain_texts.NO_CHANGE_CORRECTED


def test_a_price_that_hangs_on_it_is_told_with_the_notice_of_personalisation() -> None:
    """Article 6(1)(ea) of Directive 2011/83/EU: say that a price was personalised (PRC-1)."""
    around = replace(AROUND, prices=(PriceNote("volume", 100, 9_000, 10_000, "EUR"),))

    effects = explained("rules", around).to_json("de")["effects"]

    assert "90,00\u202f€ statt 100,00\u202f€" in effects[1]
    assert "personalisiert" in effects[1]


@pytest.mark.parametrize(
    ("flag", "word"),
    [
        (Flag.HELD, "knapp"),
        (Flag.SUPPRESSED, "zu wenige Mitglieder"),
        (Flag.NOT_ASSESSED, "Weniger als die Hälfte"),
        (Flag.LEFT, "keiner Gruppe mehr"),
    ],
)
def test_each_step_between_score_and_result_is_told(flag: Flag, word: str) -> None:
    definition = a_definition("kmeans")
    model = kmeans_model(definition)
    record = a_record(model, facts_of(model), (True,) * 6, previous=0)
    record = replace(record, flags=flag, reason=Reason.OBJECTED if flag is Flag.LEFT else None)

    steps = explain(definition, model, record, AROUND, decided_at=NOON).steps

    assert any(word in step.de for step in steps)


def test_no_fixed_sentence_lacks_a_language() -> None:
    for _, value in inspect.getmembers(explain_texts):
        for text in value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]:
            if isinstance(text, Text):
                assert text.de.strip()
                assert text.en.strip()


def test_an_order_is_suggested_in_the_currency_that_counts() -> None:
    """Days since the last order have no currency; the sum beside them counts pounds alone (EXP-2)."""
    pounds = [FEATURES[0], {"key": "revenue", "activity": "sum", "window": "P12M", "currency": "GBP"}]
    rule = {"feature": "revenue", "above": 300_000}
    segments = [{"key": "gold", "name": {"de": "Gold", "en": "Gold"}, "rule": rule}]
    model = rules_model(a_definition(features=pounds, segments=segments))
    record = a_record(model, (float(TODAY - 10), 250_000.0), (True, True))

    found = find_counterfactual(model, record, SUGGESTABLE)

    assert found is not None
    assert [change.currency for change in found.changes] == ["GBP"]
    assert found.segment == 0
