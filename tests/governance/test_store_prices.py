"""Policies, checks and activations in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from audit.database import Database
from governance import store_prices
from governance.disparity_report import Verdict
from governance.pricing import parse_policy
from tests.governance.test_pricing import a_policy

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(days=1)


def test_another_content_is_another_version_and_the_same_content_is_none(work: Database) -> None:
    """A version never changes: what was checked is what is active (FAIR-6)."""
    with work.writing() as connection:
        first = store_prices.add_policy(connection, parse_policy(a_policy()), actor="operator", now=NOON)
        again = store_prices.add_policy(connection, parse_policy(a_policy()), actor="operator", now=LATER)
        other = store_prices.add_policy(connection, parse_policy(a_policy(base=9_000)), actor="operator", now=LATER)

        assert (first, again, other) == ((1, True), (1, False), (2, True))
        assert [stored.version for stored in store_prices.latest_policies(connection)] == [2]
        old = store_prices.policy_version(connection, "volume_advantage", 1)
        assert old is not None
        assert (old.policy, old.created_at) == (parse_policy(a_policy()), NOON)


def test_a_check_belongs_to_one_content(work: Database) -> None:
    policy, other = parse_policy(a_policy()), parse_policy(a_policy(base=9_000))
    with work.writing() as connection:
        for run, verdict in ((3, Verdict.DISPARITY), (4, Verdict.WITHIN_LIMITS)):
            store_prices.add_check(
                connection, policy=policy.digest, run=run, attributes=bytes(32), verdict=verdict,
                report={"seed": 31}, actor="dpo:1", now=NOON,
            )  # fmt: skip

        last = store_prices.last_check(connection, policy.digest)
        assert last is not None
        assert (last.check.run, last.check.verdict, last.report) == (4, Verdict.WITHIN_LIMITS, {"seed": 31})
        assert store_prices.last_check(connection, other.digest) is None


def test_one_version_of_a_price_is_in_force_at_a_time(work: Database) -> None:
    with work.writing() as connection:
        store_prices.add_policy(connection, parse_policy(a_policy()), actor="operator", now=NOON)
        store_prices.add_policy(connection, parse_policy(a_policy(base=9_000)), actor="operator", now=NOON)
        store_prices.activate(connection, name="volume_advantage", version=1, check=1, actor="operator", now=NOON)
        store_prices.activate(connection, name="volume_advantage", version=2, check=2, actor="operator", now=LATER)

        active = store_prices.active(connection, "volume_advantage")
        assert active is not None
        assert (active.version, active.activated_at, active.ended_at) == (2, LATER, None)
        ended = store_prices.activation_on(connection, "volume_advantage", 1, 1)
        assert ended is not None
        assert ended.ended_at == LATER
        in_force = store_prices.policies_in_force(connection, "value")
        assert [(stored.version, activation.number) for stored, activation in in_force] == [(2, 2)]
        assert store_prices.policies_in_force(connection, "other") == []
