"""The gate before a file leaves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from governance.release_export import ExportFacts, export_gate
from governance.transfers import current_transfers
from governance.vocabulary import LegalBasis
from tests.governance.test_price_gate import NOON, PURPOSE, TODAY

FACTS = ExportFacts("marketing:a", "dpo:b", True, False, NOON + timedelta(days=1), "DE", None)


def unmet(facts: ExportFacts = FACTS, purpose: object = PURPOSE) -> list[str]:
    gate = export_gate(facts, purpose, current_transfers(), now=NOON, today=TODAY)  # type: ignore[arg-type]
    return [condition.key for condition in gate.unmet]


def test_an_approved_and_built_export_may_leave() -> None:
    assert unmet() == []


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"approved_by": None}, "approved"),
        ({"built": False}, "built"),
        ({"small_cells": True}, "cells_large_enough"),
        ({"expires_at": NOON}, "not_expired"),
        ({"country": "CN"}, "country_permitted"),
        ({"price": False}, "price_stands"),
    ],
)
def test_each_missing_condition_closes_the_gate_and_is_named(changes: dict[str, object], key: str) -> None:
    """XPT-1, XPT-2, XPT-3, XPT-6."""
    assert unmet(replace(FACTS, **changes)) == [key]  # type: ignore[arg-type]


def test_the_gate_does_not_claim_a_second_person_who_was_not_there() -> None:
    """A house of one may approve alone; nobody is told otherwise (GOV-7, T36)."""
    both = export_gate(FACTS, PURPOSE, current_transfers(), now=NOON, today=TODAY).conditions[0]
    alone = replace(FACTS, requested_by="operator", approved_by="operator")
    one = export_gate(alone, PURPOSE, current_transfers(), now=NOON, today=TODAY).conditions[0]

    assert both.met
    assert one.met
    assert both.text.en == "A second person has approved."
    assert "no second person" in one.text.en


def test_legitimate_interests_need_an_assessment_that_counts() -> None:
    """PRI-7."""
    bare = replace(PURPOSE, assessment=None)

    assert unmet(purpose=bare) == []
    assert unmet(purpose=replace(bare, basis=LegalBasis.LEGITIMATE_INTERESTS)) == ["assessment_valid"]
