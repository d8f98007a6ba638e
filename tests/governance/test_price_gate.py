"""The gate before a price becomes active."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from governance.disparity_report import Verdict
from governance.fields import Field, FieldType
from governance.pricing import PricePolicy, parse_policy
from governance.purposes import Assessment, NoticeText, Purpose
from governance.release import Check, Gate, GateClosed, Present, price_gate
from governance.vocabulary import EffectClass, LegalBasis, Text
from tests.governance.test_pricing import a_policy

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)
POLICY = parse_policy(a_policy())
PURPOSE = Purpose(
    key="personalised_price",
    label=Text("Persönlicher Preis", "Personal price"),
    basis=LegalBasis.CONSENT,
    notice=NoticeText("1", Text("…", "…")),
    assessment=Assessment("DPIA-7", TODAY),
    channels=frozenset(),
    categories=frozenset({"user.behavior"}),
    marketing=False,
    profiling=True,
    effect=EffectClass.PRICE,
    retention="P24M",
    consent_validity="P24M",
)
ATTRIBUTES = b"a" * 32
CHECK = Check(7, POLICY.digest, 3, ATTRIBUTES, Verdict.WITHIN_LIMITS, NOON)
SPEND = Field(
    "annual_revenue", Text("Umsatz", "Revenue"), FieldType.MONEY, "EUR", "user.behavior.purchase_history",
    special=False, quasi_identifier=False, mutable=True, suggestable=True, staleness=None, window=None,
    purposes=frozenset({"personalised_price"}), levels=(),
)  # fmt: skip


def a_gate(policy: PricePolicy = POLICY, check: Check | None = CHECK, **changes: Any) -> Gate:
    facts: dict[str, Any] = {
        "present": Present(3, ATTRIBUTES),
        "purpose": PURPOSE,
        "effect": EffectClass.PRICE,
        "fields": (SPEND,),
        "now": NOON + timedelta(days=30),
        "today": TODAY,
    }
    return price_gate(policy, check, **(facts | changes))


def unmet(gate: Gate) -> list[str]:
    return [condition.key for condition in gate.unmet]


def test_a_price_with_a_fresh_check_within_limits_may_become_active() -> None:
    gate = a_gate()

    assert gate.open
    assert len(gate.conditions) == 9


def test_without_any_check_the_gate_lists_everything_that_is_missing() -> None:
    assert unmet(a_gate(check=None)) == ["check_fits", "attributes_fit", "check_fresh", "within_limits"]


@pytest.mark.parametrize("verdict", [Verdict.DISPARITY, Verdict.NOT_ENOUGH_DATA, Verdict.NOT_ASSESSABLE])
def test_only_within_limits_opens_the_gate(verdict: Verdict) -> None:
    """What could not be assessed is not in order (FAIR-4)."""
    assert unmet(a_gate(check=replace(CHECK, verdict=verdict))) == ["within_limits"]


def test_a_check_of_another_version_or_another_run_counts_for_nothing() -> None:
    """A changed rule or a new run makes the verdict void (FAIR-5)."""
    assert unmet(a_gate(check=replace(CHECK, policy=bytes(32)))) == ["check_fits"]
    assert unmet(a_gate(present=Present(4, ATTRIBUTES))) == ["check_fits"]
    assert unmet(a_gate(present=Present(None, ATTRIBUTES))) == ["check_fits"]


def test_a_check_of_other_attributes_than_there_are_now_counts_for_nothing() -> None:
    """Other people answered, or other things: the verdict is not about them (FAIR-5)."""
    assert unmet(a_gate(present=Present(3, b"b" * 32))) == ["attributes_fit"]


def test_a_scheme_that_the_catalogue_carries_no_more_keeps_it_closed() -> None:
    """A field went, or a purpose: what was lawful then is not so now (PRI-1)."""
    assert unmet(a_gate(present=Present(3, ATTRIBUTES, definition_holds=False))) == ["definition_holds"]


def test_a_check_is_fresh_until_its_day_and_not_after() -> None:
    assert unmet(a_gate(now=NOON + timedelta(days=30, seconds=1))) == ["check_fresh"]


def test_a_scheme_or_purpose_that_does_not_own_up_to_prices_keeps_it_closed() -> None:
    """A price segment labelled marketing does not avoid Article 22 (ADM-1, T24)."""
    assert unmet(a_gate(effect=EffectClass.MARKETING)) == ["effect_class"]
    assert unmet(a_gate(purpose=replace(PURPOSE, effect=EffectClass.MARKETING))) == ["purpose_permits_price"]


def test_an_assessment_that_is_missing_or_expired_keeps_it_closed() -> None:
    assert unmet(a_gate(purpose=replace(PURPOSE, assessment=None))) == ["assessment_valid"]
    assert unmet(a_gate(today=TODAY + timedelta(days=1))) == ["assessment_valid"]


@pytest.mark.parametrize(
    "field",
    [
        replace(SPEND, key="sex"),
        replace(SPEND, special=True),
        replace(SPEND, category="user.location"),
        replace(SPEND, category="user.name.first"),
    ],
)
def test_no_price_rests_on_an_attribute_under_check_or_on_the_list_of_the_draft_law(field: Field) -> None:
    """Direct use of a protected attribute, and address-only prices (§ 19 AGG, PRC-4)."""
    assert unmet(a_gate(fields=(SPEND, field))) == ["no_protected_input"]


def test_the_refusal_names_each_condition() -> None:
    with pytest.raises(GateClosed) as refusal:
        raise GateClosed("Activating the price", a_gate(check=None, effect=EffectClass.NONE))

    for key in ("check_fits", "check_fresh", "within_limits", "effect_class"):
        assert key in str(refusal.value)


def test_every_condition_speaks_both_languages_met_or_not() -> None:
    for gate in (
        a_gate(),
        a_gate(check=None, effect=EffectClass.NONE, present=Present(None, b"", definition_holds=False)),
    ):
        for condition in gate.conditions:
            assert condition.text.de
            assert condition.text.en
            assert condition.text.de != condition.text.en
