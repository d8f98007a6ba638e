"""Contact points of company schemes: the company's own no and the contact's own no both count (OBJ-3, design 4)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from api.wiring import House
from api.workflows import export_requests, exports, imports, segments
from api.workflows.consents import Said, declare_for, restrict_for
from api.workflows.export_files import ExportStale
from governance.vocabulary import OPERATOR, Act, Channel, Scope, Unit
from tests.builders import NOON, a_house, default_catalogue

TRADERS = range(1, 9)
CONTACTS = "nr;mail;strasse;plz;ort;informiert;firma_nr;firma;form\n" + "".join(
    f"K{n};c@f{n}.example.org;Gasse {n};10115;Berlin;01.03.2026;F{n};Laden {n} e.K.;e.K.\n" for n in TRADERS
)
CONTACT_MAPPING = """
kind = "contacts"
[columns]
reference = "nr"
email = "mail"
street = "strasse"
postcode = "plz"
city = "ort"
informed = "informiert"
counterparty = { constant = "business" }
[columns.account]
reference = "firma_nr"
company_name = "firma"
legal_form = "form"
informed = "informiert"
"""
SCHEME = {
    "scheme": "firmen",
    "unit": "account",
    "purpose": "sales_care",
    "kind": "rules",
    "effect_class": "none",
    "minimum_size": 5,
    "features": [{"key": "orders", "activity": "count", "window": "P12M"}],
    "segments": [
        {"key": "buyers", "name": {"de": "Käufer", "en": "Buyers"}, "rule": {"feature": "orders", "at_least": 1}}
    ],
    "otherwise": {"key": "rest", "name": {"de": "Übrige", "en": "Others"}},
}
REQUEST = {
    "purpose": "sales_care",
    "scheme": "firmen",
    "segments": ["buyers", "rest"],
    "recipient": {"name": "Muster GmbH", "country": "DE", "role": "processor"},
    "channel": "post",
    "fields": ["contact.street", "contact.postcode", "contact.city"],
    "valid": "P7D",
    "mode": "contact_points",
}


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Eight sole traders in a scheme of companies."""
    opened = a_house(tmp_path, database_url, default_catalogue().replace("minimum_cell = 10", "minimum_cell = 5"))
    report = imports.import_contacts(opened, BytesIO(CONTACTS.encode()), CONTACT_MAPPING, actor=OPERATOR, now=NOON)
    assert report.failed == 0
    segments.define(opened, json.dumps(SCHEME), actor=OPERATOR, now=NOON)
    segments.run(opened, "firmen", actor=OPERATOR, now=NOON)
    yield opened
    opened.close()


def built(house: House) -> int:
    number = export_requests.request(house, json.dumps(REQUEST), actor=OPERATOR, now=NOON).number
    export_requests.approve(house, number, actor=OPERATOR, now=NOON)
    exports.build(house, number, actor=OPERATOR, now=NOON)
    return number


def lines(house: House, number: int) -> int:
    file = exports.download(house, number, actor=OPERATOR, now=NOON)
    return len(b"".join(file.chunks()).decode().splitlines()) - 1


def test_a_company_that_objected_takes_its_contacts_out_of_the_file(house: House) -> None:
    """A sole trader who is in no segment leaves in no segment either (Article 21(1) GDPR)."""
    assert lines(house, built(house)) == 8

    declare_for(house, "F1", Said(Act.OBJECTED, scope=Scope.GENERAL), actor=OPERATOR, now=NOON, unit=Unit.ACCOUNT)
    restrict_for(house, "F2", actor=OPERATOR, now=NOON, unit=Unit.ACCOUNT)

    number = built(house)
    manifest = export_requests.export_of(house, number).manifest
    assert manifest is not None
    assert lines(house, number) == 6
    assert manifest["input"] == 8
    assert manifest["excluded"] == {"objected": 1, "restricted": 1}


def test_a_company_that_objects_between_build_and_download_stops_the_file(house: House) -> None:
    """The same at the first byte."""
    number = built(house)
    declare_for(house, "F1", Said(Act.OBJECTED, scope=Scope.GENERAL), actor=OPERATOR, now=NOON, unit=Unit.ACCOUNT)

    with pytest.raises(ExportStale):
        lines(house, number)


@pytest.mark.parametrize("said", [Act.OBJECTED, Act.WITHDRAWN, Act.REFUSED])
def test_a_company_that_said_no_to_the_channel_closes_it_for_its_contacts(house: House, said: Act) -> None:
    """A sole trader who wants no letters gets none, though the contact said nothing (Article 21(3) GDPR, § 7 UWG)."""
    before = built(house)
    no = Said(said, purpose="sales_care", channel=Channel.POST)
    declare_for(house, "F1", no, actor=OPERATOR, now=NOON, unit=Unit.ACCOUNT)

    with pytest.raises(ExportStale):
        lines(house, before)
    number = built(house)
    manifest = export_requests.export_of(house, number).manifest
    assert manifest is not None
    assert manifest["excluded"] == {"channel_refused": 1}
    assert lines(house, number) == 7


def test_a_company_that_said_no_to_another_channel_closes_nothing_here(house: House) -> None:
    """Calls are not letters."""
    no = Said(Act.OBJECTED, purpose="sales_care", channel=Channel.PHONE)
    declare_for(house, "F1", no, actor=OPERATOR, now=NOON, unit=Unit.ACCOUNT)

    assert lines(house, built(house)) == 8
