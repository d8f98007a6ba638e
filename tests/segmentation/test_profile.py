"""What sets segments apart is told of members and values permitted now, not of those when the run was made."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, update

from audit.database import Database
from governance.tables import subject
from segmentation.membership import live
from segmentation.profile import profile
from tests.builders import NOON
from tests.segmentation.builders import CATALOGUE, PURPOSE, a_world, ran, reactivation, withholds


def known(work: Database, scheme: str = "reactivation") -> dict[str, int]:
    """Of how many members a feature's value is told, over all segments."""
    with work.reading() as connection:
        told = profile(connection, live(connection, scheme), CATALOGUE.purpose(PURPOSE), now=NOON, minimum=2)
    counts: dict[str, int] = {}
    for segment in told.segments:
        for feature in segment.features:
            counts[feature.key] = counts.get(feature.key, 0) + feature.people
    return counts


def test_what_somebody_withholds_after_the_run_is_in_no_profile_from_then_on(work: Database) -> None:
    """The stored record keeps what was used; marketing sees it no more (Article 21(1) GDPR)."""
    a_world(work)
    ran(work, reactivation())
    before = known(work)

    withholds(work, 7, "employees")
    withholds(work, 10, "purchase_history")

    after = known(work)
    assert after["employees"] == before["employees"] - 1
    assert after["orders"] == before["orders"] - 1
    assert after["revenue"] == before["revenue"] - 1


def test_a_contact_who_withholds_takes_the_companys_figures_out_of_the_profile(work: Database) -> None:
    """They cannot be taken apart any more without the orders; the company's own fields stay."""
    a_world(work)
    with work.writing() as connection:
        connection.execute(update(subject).where(subject.c.id <= 100).values(unit="account", natural=False))
        connection.execute(insert(subject), [_contact(1_000, account=7)])
    ran(work, reactivation(scheme="firms", unit="account"))
    before = known(work, "firms")

    withholds(work, 1_000, "purchase_history")
    withholds(work, 1_000, "employees")

    after = known(work, "firms")
    assert after["orders"] == before["orders"] - 1
    assert after["employees"] == before["employees"]


def _contact(number: int, *, account: int) -> dict[str, Any]:
    return {
        "id": number, "pseudonym": number.to_bytes(16, "big"), "unit": "contact", "natural": True, "account": account,
        "counterparty": "business", "role_mailbox": False, "informed_at": NOON, "created_at": NOON, "updated_at": NOON,
    }  # fmt: skip
