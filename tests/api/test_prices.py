"""Prices by segment, from definition to the gate."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.wiring import House
from api.workflows import explanations, export_requests, exports, prices
from api.workflows.price_gates import PriceOnHold
from audit import log
from audit.errors import BadInput
from consent.ledger import declare
from governance.release import GateClosed
from governance.vocabulary import OPERATOR, Act
from segmentation.errors import SegmentUnknown
from tests.small_world import NOON, RULES, a_small_world, run_scheme, said

SCHEME: dict[str, Any] = RULES | {"scheme": "tiers", "purpose": "personalised_price", "effect_class": "price"}


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """A hundred contacts, half of them gold, all consenting to personal prices, on both engines."""
    made = a_small_world(tmp_path, database_url, people=100, gold=50, purposes=("personalised_price",), channel=None)
    run_scheme(made, SCHEME)
    yield made
    made.close()


def a_policy(**changes: Any) -> str:
    document: dict[str, Any] = {
        "policy": "volume",
        "scheme": "tiers",
        "currency": "EUR",
        "base": 10_000,
        "discounts": {"gold": 100},
        "check": {"attributes": ["sex"], "limits": {"price_ratio": 1.02, "minimum_group": 20}},
    }
    return json.dumps(document | changes)


def answers(house: House, value: Any) -> None:
    """What people told of themselves, for the check alone."""
    pairs = [(n.to_bytes(16, "big"), value(n)) for n in range(1, 101)]
    house.protected.replace({"sex": [(pseudonym, word) for pseudonym, word in pairs if word is not None]})


def kinds(house: House) -> list[str]:
    with house.work.reading() as connection:
        return [entry.kind for entry in log.entries(connection, limit=4)]


def test_a_price_that_hits_all_groups_alike_is_checked_and_becomes_active(house: House) -> None:
    """Defined, checked, activated: three facts, and the verdict it rests on (FAIR-5)."""
    answers(house, lambda n: "f" if n % 2 else "m")

    prices.define(house, a_policy(), actor=OPERATOR, now=NOON)
    checked = prices.check(house, "volume", actor=OPERATOR, now=NOON)
    active = prices.activate(house, "volume", actor=OPERATOR, now=NOON)

    assert checked.to_json()["verdict"] == "within_limits"
    assert active.to_json()["active"]
    assert kinds(house)[:3] == ["price:activated", "price:checked", "price:defined"]
    assert prices.activate(house, "volume", actor=OPERATOR, now=NOON).active == active.active
    told = explanations.explain_subject(house, "tiers", 3, actor=OPERATOR, now=NOON).to_json()
    assert "90,00\u202f€ statt 100,00\u202f€" in told["effects"][1]


def test_a_price_that_hits_one_group_is_refused_and_the_refusal_is_logged(house: House) -> None:
    """Half pay a tenth more, and all of them are of one group (§§ 3, 19 AGG, FAIR-2)."""
    answers(house, lambda n: "f" if n > 50 else "m")
    prices.define(house, a_policy(), actor=OPERATOR, now=NOON)

    assert prices.check(house, "volume", actor=OPERATOR, now=NOON).to_json()["verdict"] == "disparity"
    with pytest.raises(GateClosed, match="within_limits"):
        prices.activate(house, "volume", actor=OPERATOR, now=NOON)

    assert kinds(house)[0] == "price:refused"
    assert not prices.policy(house, "volume", now=NOON).to_json()["active"]


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(None, "not_assessable"), (lambda n: "f" if n < 12 else None, "not_enough_data")],
)
def test_what_could_not_be_checked_does_not_become_active(house: House, value: Any, verdict: str) -> None:
    """No data is no pass (FAIR-4, T13)."""
    if value is not None:
        answers(house, value)
    prices.define(house, a_policy(), actor=OPERATOR, now=NOON)

    assert prices.check(house, "volume", actor=OPERATOR, now=NOON).to_json()["verdict"] == verdict
    with pytest.raises(GateClosed, match="within_limits"):
        prices.activate(house, "volume", actor=OPERATOR, now=NOON)


def test_without_a_check_or_after_a_change_or_a_new_run_the_gate_is_closed(house: House) -> None:
    """A verdict is about one content and one run (FAIR-5)."""
    answers(house, lambda n: "f" if n % 2 else "m")
    prices.define(house, a_policy(), actor=OPERATOR, now=NOON)
    with pytest.raises(GateClosed, match="check_fits"):
        prices.activate(house, "volume", actor=OPERATOR, now=NOON)
    prices.check(house, "volume", actor=OPERATOR, now=NOON)

    prices.define(house, a_policy(discounts={"gold": 110}), actor=OPERATOR, now=NOON)
    with pytest.raises(GateClosed, match="check_fits"):
        prices.activate(house, "volume", actor=OPERATOR, now=NOON)

    prices.check(house, "volume", actor=OPERATOR, now=NOON)
    run_scheme(house, SCHEME, now=NOON + timedelta(hours=1))
    with pytest.raises(GateClosed, match="check_fits"):
        prices.activate(house, "volume", actor=OPERATOR, now=NOON + timedelta(hours=1))


def test_other_attributes_than_were_checked_close_the_gate(house: House) -> None:
    """The verdict was about other answers (FAIR-5); the same answers again change nothing."""
    answers(house, lambda n: "f" if n % 2 else "m")
    prices.define(house, a_policy(), actor=OPERATOR, now=NOON)
    prices.check(house, "volume", actor=OPERATOR, now=NOON)

    answers(house, lambda n: "f" if n % 2 else "m")
    assert prices.policy(house, "volume", now=NOON).gate.open
    answers(house, lambda n: "f" if n > 50 else "m")
    with pytest.raises(GateClosed, match="attributes_fit"):
        prices.activate(house, "volume", actor=OPERATOR, now=NOON)


LATER = NOON + timedelta(hours=1)


def effects(house: House) -> str:
    told = explanations.explain_subject(house, "tiers", 3, language="en", actor=OPERATOR, now=LATER).to_json()
    return " ".join(told["effects"])


@pytest.mark.parametrize("cause", ["a new run", "other attributes"])
def test_a_price_in_force_is_on_hold_until_it_is_checked_again(house: House, cause: str) -> None:
    """One good verdict does not carry every run and everybody who comes later (FAIR-5, decision 0010)."""
    in_force(house)
    assert "€90.00 instead of" in effects(house)
    if cause == "a new run":
        run_scheme(house, SCHEME, now=LATER)
    else:
        answers(house, lambda n: "f" if n % 4 < 2 else "m")

    held = prices.policy(house, "volume", now=LATER).to_json()
    assert (held["active"], held["on_hold"], held["in_force"]["stands"]) == (True, True, False)
    assert held["in_force"]["unmet"] == ["check_fits" if cause == "a new run" else "attributes_fit"]
    assert "on hold" in effects(house)
    assert "€90.00" not in effects(house)

    again = prices.check(house, "volume", actor=OPERATOR, now=LATER).to_json()
    assert (again["active"], again["on_hold"]) == (True, False)
    assert "€90.00 instead of" in effects(house)


def test_a_new_check_that_finds_disparity_keeps_the_price_on_hold(house: House) -> None:
    """What comes out now counts, not what came out once."""
    in_force(house)
    answers(house, lambda n: "f" if n > 50 else "m")

    again = prices.check(house, "volume", actor=OPERATOR, now=LATER).to_json()

    assert (again["verdict"], again["on_hold"], again["in_force"]["unmet"]) == ("disparity", True, ["within_limits"])


def test_an_older_version_in_force_is_checked_with_the_newest(house: House) -> None:
    """Else a draft beside it would keep it on hold for good."""
    in_force(house)
    prices.define(house, a_policy(discounts={"gold": 110}), actor=OPERATOR, now=NOON)
    run_scheme(house, SCHEME, now=LATER)
    assert prices.policy(house, "volume", now=LATER).on_hold

    state = prices.check(house, "volume", actor=OPERATOR, now=LATER)

    assert (state.to_json()["active_version"], state.stored.version, state.on_hold) == (1, 2, False)
    assert kinds(house)[:2] == ["price:checked", "price:checked"]


PRICE_LIST = json.dumps(
    {
        "scheme": "tiers",
        "segments": ["gold"],
        "purpose": "personalised_price",
        "recipient": {"name": "Shop GmbH", "country": "DE", "role": "processor"},
        "mode": "pseudonyms",
        "fields": [],
        "valid": "P7D",
    }
)


def test_no_file_for_personal_prices_leaves_unless_a_price_stands(house: House) -> None:
    """Whoever gets the file asks these prices: it passes the same gate, at the build and at the first byte."""
    number = export_requests.request(house, PRICE_LIST, actor=OPERATOR, now=NOON).number
    export_requests.approve(house, number, actor=OPERATOR, now=NOON)
    with pytest.raises(PriceOnHold, match="no price"):
        exports.build(house, number, actor=OPERATOR, now=NOON)

    in_force(house)
    exports.build(house, number, actor=OPERATOR, now=NOON)
    assert "price_stands" not in unmet(house, number)
    answers(house, lambda n: "f" if n % 4 < 2 else "m")
    assert "price_stands" in unmet(house, number)
    with pytest.raises(PriceOnHold, match="volume"):
        exports.download(house, number, actor=OPERATOR, now=LATER)
    assert kinds(house)[0] == "export:refused"

    prices.check(house, "volume", actor=OPERATOR, now=LATER)
    exports.build(house, number, actor=OPERATOR, now=LATER)
    exports.download(house, number, actor=OPERATOR, now=LATER)


def unmet(house: House, number: int) -> list[str]:
    return [condition.key for condition in export_requests.gate(house, number, now=LATER).unmet]


def in_force(house: House) -> None:
    """The policy, checked on answers that have nothing to do with the groups, and activated."""
    answers(house, lambda n: "f" if n % 2 else "m")
    prices.define(house, a_policy(), actor=OPERATOR, now=NOON)
    prices.check(house, "volume", actor=OPERATOR, now=NOON)
    prices.activate(house, "volume", actor=OPERATOR, now=NOON)


def test_a_verdict_grows_old(house: House) -> None:
    answers(house, lambda n: "f" if n % 2 else "m")
    prices.define(house, a_policy(), actor=OPERATOR, now=NOON)
    prices.check(house, "volume", actor=OPERATOR, now=NOON)

    with pytest.raises(GateClosed, match="check_fresh"):
        prices.activate(house, "volume", actor=OPERATOR, now=NOON + timedelta(days=31))


def test_the_check_counts_only_whom_the_price_may_touch(house: House) -> None:
    """Whoever withdrew is not priced, and not counted (T39 in the open: coverage is told)."""
    answers(house, lambda n: "f" if n % 2 else "m")
    with house.work.writing() as connection:
        for subject in range(1, 11):
            declare(connection, subject, [said("personalised_price", Act.WITHDRAWN, at=NOON)], actor=OPERATOR, now=NOON)
    prices.define(house, a_policy(), actor=OPERATOR, now=NOON)

    report = prices.check(house, "volume", actor=OPERATOR, now=NOON).to_json()["report"]

    assert sum(group["size"] for group in report["attributes"][0]["groups"]) == 90


def test_the_same_check_again_gives_the_same_numbers_and_no_row_of_anybody(house: House) -> None:
    """Reproducible, and aggregates only (FAIR-3, FAIR-6)."""
    answers(house, lambda n: "f" if n % 3 else "m")
    prices.define(house, a_policy(), actor=OPERATOR, now=NOON)

    first = prices.check(house, "volume", actor=OPERATOR, now=NOON).to_json()["report"]
    again = prices.check(house, "volume", actor=OPERATOR, now=NOON).to_json()["report"]

    assert first == again
    assert first["limits"]["price_ratio"] == 1.02
    text = json.dumps(first)
    assert not any(n.to_bytes(16, "big").hex() in text for n in range(1, 101))


def test_a_scheme_for_marketing_sets_no_price(tmp_path: Path) -> None:
    """Article 22 is not avoided by calling it marketing (T24)."""
    made = a_small_world(tmp_path)
    run_scheme(made, RULES)
    prices.define(made, a_policy(scheme="value"), actor=OPERATOR, now=NOON)

    with pytest.raises(GateClosed, match=r"effect_class.*purpose_permits_price"):
        prices.activate(made, "volume", actor=OPERATOR, now=NOON)
    made.close()


def test_a_policy_names_segments_there_are(house: House) -> None:
    with pytest.raises(SegmentUnknown):
        prices.define(house, a_policy(discounts={"platinum": 10}), actor=OPERATOR, now=NOON)
    with pytest.raises(BadInput):
        prices.check(house, "nothing", actor=OPERATOR, now=NOON)
