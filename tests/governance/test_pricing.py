"""Price policies as data."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.errors import BadInput
from governance.pricing import parse_policy


def a_policy(**changes: Any) -> str:
    document: dict[str, Any] = {
        "policy": "volume_advantage",
        "scheme": "value",
        "currency": "EUR",
        "base": 10_000,
        "discounts": {"gold": 100, "silver": 50},
        "check": {"attributes": ["sex", "age_band"], "limits": {"price_ratio": 1.02, "minimum_group": 50}},
    }
    document.update(changes)
    return json.dumps({key: value for key, value in document.items() if value is not ...})


def test_a_policy_says_the_price_of_each_segment() -> None:
    policy = parse_policy(a_policy(otherwise=10))

    assert [policy.price(segment) for segment in ("gold", "silver", "bronze", None)] == [9_000, 9_500, 9_900, 9_900]
    assert policy.levels == (9_900, 9_500, 9_000)
    assert policy.attributes == ("age_band", "sex")


def test_the_digest_names_the_content_and_not_the_layout() -> None:
    """A verdict belongs to exactly one content, limits included (FAIR-5, FAIR-6)."""
    first = parse_policy(a_policy())
    relaid = parse_policy(json.dumps(json.loads(a_policy()), indent=4, sort_keys=True))
    looser = parse_policy(a_policy(check={"attributes": ["sex", "age_band"], "limits": {"price_ratio": 1.03}}))

    assert first.digest == relaid.digest
    assert first.digest != looser.digest


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"policy": "Not A Word"}, "$.policy"),
        ({"scheme": ...}, "$.scheme"),
        ({"currency": "eur"}, "$.currency"),
        ({"base": 0}, "$.base"),
        ({"base": True}, "$.base"),
        ({"discounts": {}}, "$.discounts"),
        ({"discounts": {"gold": 1_001}}, "$.discounts.gold"),
        ({"discounts": {"gold": {"if": "sex = 'f'"}}}, "$.discounts.gold"),
        ({"check": ...}, "$.check"),
        ({"check": {"attributes": [], "limits": {"price_ratio": 1.02}}}, "$.check.attributes"),
        ({"check": {"attributes": ["sex", "sex"], "limits": {"price_ratio": 1.02}}}, "$.check.attributes"),
        ({"check": {"attributes": ["sex"], "limits": {}}}, "$.check.limits.price_ratio"),
        ({"check": {"attributes": ["sex"], "limits": {"price_ratio": 1}}}, "$.check.limits.price_ratio"),
        ({"check": {"attributes": ["sex"], "limits": {"price_ratio": 1.02, "hidden": 1}}}, "$.check.limits"),
        ({"rules": [{"attribute": "sex", "discount": 100}]}, "$"),
        ({"check": {"attributes": ["sex"], "limits": {"price_ratio": 10**400}}}, "$.check.limits.price_ratio"),
    ],
)
def test_a_mistake_is_named_with_its_path(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(BadInput) as refusal:
        parse_policy(a_policy(**changes))

    assert f" {path} " in str(refusal.value)


def test_a_rule_that_uses_a_protected_attribute_cannot_be_written() -> None:
    """Direct discrimination cannot be put down: a discount hangs on a segment and on nothing else (FAIR-1)."""
    with pytest.raises(BadInput, match="not known here"):
        parse_policy(a_policy(surcharges={"sex": {"m": 50}}))


@pytest.mark.parametrize(
    "text", ["", "{", '{"policy": "a", "policy": "b"}', '{"base": NaN}', "[" * 100_000, '"a"', "null"]
)
def test_what_is_not_a_json_object_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_policy(text)


def test_a_mistake_never_repeats_the_value() -> None:
    """A refusal holds no personal value (invariant 7)."""
    with pytest.raises(BadInput) as refusal:
        parse_policy(a_policy(policy="canary@example.org"))

    assert "canary" not in str(refusal.value)


@given(st.integers(1, 10**12), st.integers(0, 1_000))
def test_a_price_is_never_negative_nor_above_the_base(base: int, discount: int) -> None:
    policy = parse_policy(a_policy(base=base, discounts={"gold": discount}))

    assert 0 <= policy.price("gold") <= base
    assert abs(policy.price("gold") - base * (1_000 - discount) / 1_000) <= 0.5 + 1e-9 * base
