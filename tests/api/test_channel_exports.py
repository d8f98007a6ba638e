"""What the channel asks for when a file leaves: facts of § 7 UWG, the block list by purpose, and uses of consents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from api.wiring import House, open_house
from api.workflows import export_requests, exports
from api.workflows.export_files import ExportStale
from audit import log
from consent import grounds
from consent.grounds import CUSTOMER_FACTS, Ground
from consent.ledger import declare
from governance.vocabulary import OPERATOR, Act, Channel, LegalBasis
from tests.builders import default_catalogue
from tests.small_world import DAY, NOON, RULES, a_small_world, run_scheme, said

CARE = RULES | {"purpose": "sales_care"}
SERVICE = RULES | {"purpose": "service_segmentation", "effect_class": "none"}
WITH_INVOICES = default_catalogue().replace("channels = []", 'channels = ["email"]', 1)


def a_house(folder: Path, database_url: str, catalogue: str | None = None, **more: Any) -> House:
    """Thirty contacts in gold who are looked after by sales."""
    given: dict[str, Any] = {"people": 30, "gold": 30, "purposes": ("sales_care",), "channel": Channel.PHONE}
    made = a_small_world(folder, database_url, **(given | more))
    if catalogue is not None:
        made.settings.catalogue_path.write_text(catalogue, encoding="utf-8")
        made.close()
        return open_house(made.settings)
    return made


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """On both engines."""
    made = a_house(tmp_path, database_url)
    run_scheme(made, CARE)
    yield made
    made.close()


def built(house: House, channel: str = "phone", **changes: Any) -> int:
    document: dict[str, Any] = {
        "purpose": "sales_care",
        "scheme": "value",
        "segments": ["gold"],
        "recipient": {"name": "Rufhaus Muster GmbH", "country": "DE", "role": "processor"},
        "channel": channel,
        "fields": ["contact.phone" if channel == "phone" else "contact.email"],
        "valid": "P7D",
        "mode": "contact_points",
    }
    number = export_requests.request(house, json.dumps(document | changes), actor=OPERATOR, now=NOON).number
    export_requests.approve(house, number, actor=OPERATOR, now=NOON)
    exports.build(house, number, actor=OPERATOR, now=NOON)
    return number


def counts(house: House, number: int) -> tuple[int, dict[str, int]]:
    """Who is in a built file and who is left out."""
    manifest = export_requests.export_of(house, number).manifest
    assert manifest is not None
    return manifest["included"], manifest["excluded"]


def uses(house: House, subject: int) -> list[tuple[int | None, datetime]]:
    with house.work.reading() as connection:
        return [(use.export, use.used_at) for use in grounds.phone_proof(connection, subject).uses]


def test_a_list_of_numbers_that_leaves_is_a_use_of_everybodys_consent(house: House) -> None:
    """§ 7a(2) UWG, CON-11, T19: in the release itself, so that no list leaves without its uses."""
    number = built(house)
    assert uses(house, 1) == []

    file = exports.download(house, number, actor=OPERATOR, now=NOON)

    assert uses(house, 1) == uses(house, 30) == [(number, NOON)]
    with house.work.reading() as connection:
        newest = log.entries(connection, limit=2)
        assert [entry.kind for entry in newest] == ["channel:used", "export:released"]
        assert newest[1].index == file.log_index
        assert newest[0].body["uses"] == 30
        assert grounds.phone_proof(connection, 1).retain_until == date(2031, 11, 22)


def test_a_list_that_does_not_leave_and_an_e_mail_are_no_call(house: House) -> None:
    """§ 7a UWG speaks of calls that were made possible, not of those that were planned."""
    number = built(house)
    with house.work.writing() as connection:
        declare(connection, 3, [said("sales_care", Act.OBJECTED, at=NOON)], actor=OPERATOR, now=NOON)
    with house.work.writing() as connection:
        declare(connection, 4, [said("sales_care", channel=Channel.EMAIL)], actor=OPERATOR, now=NOON)

    with pytest.raises(ExportStale):
        exports.download(house, number, actor=OPERATOR, now=NOON)
    exports.download(house, built(house, "email"), actor=OPERATOR, now=NOON)

    assert uses(house, 1) == uses(house, 4) == []


def test_an_existing_customer_is_in_the_file_with_every_fact_and_out_without_one(house: House) -> None:
    """§ 7(3) UWG: e-mail without consent, as long as all of it holds (UWG-2)."""
    facts = [Ground("sales_care", Channel.EMAIL, kind, NOON - DAY) for kind in CUSTOMER_FACTS]
    for number in (1, 2, 3):
        with house.work.writing() as connection:
            shown = facts[: 4 if number < 3 else 3]
            grounds.record(connection, number, shown, actor=OPERATOR, now=NOON, evidence=[b"sealed"] * len(shown))
    before = built(house, "email")
    assert counts(house, before) == (2, {"no_express_consent": 28})

    ended = Ground("sales_care", Channel.EMAIL, CUSTOMER_FACTS[1], NOON)
    with house.work.writing() as connection:
        grounds.end(connection, 1, [ended], actor=OPERATOR, now=NOON, evidence=[b"sealed"])

    with pytest.raises(ExportStale):
        exports.download(house, before, actor=OPERATOR, now=NOON)
    assert counts(house, built(house, "email")) == (1, {"no_express_consent": 29})


def test_an_address_that_is_blocked_for_one_purpose_leaves_for_another(house: House) -> None:
    """OBJ-6: the list knows what the no was about, and calls from texts."""
    with house.work.writing() as connection:
        house.blocklist.add(connection, "phone", "030 231250-01", now=NOON, purpose="newsletter")
        house.blocklist.add(connection, "sms", "030 231250-02", now=NOON, purpose="sales_care")
        house.blocklist.add(connection, "phone", "0049 30 231250-03", now=NOON, purpose="sales_care")
        house.blocklist.add(connection, "phone", "030/23125004", now=NOON)

    assert counts(house, built(house)) == (28, {"address_blocked": 2})


def test_a_block_for_all_advertising_does_not_stop_what_is_none(tmp_path: Path, database_url: str) -> None:
    """Article 21(3) GDPR: only direct marketing stops; a no to the service itself stops the service."""
    made = a_house(tmp_path, database_url, WITH_INVOICES, purposes=(), channel=None)
    assert made.catalogue.purposes["service_segmentation"].basis is LegalBasis.LEGITIMATE_INTERESTS
    run_scheme(made, SERVICE)
    with made.work.writing() as connection:
        made.blocklist.add(connection, "email", "ada.muster1@example.org", now=NOON)
        made.blocklist.add(connection, "email", "ada.muster2@example.org", now=NOON, purpose="service_segmentation")

    number = built(made, "email", purpose="service_segmentation")

    assert counts(made, number) == (29, {"address_blocked": 1})
    made.close()
