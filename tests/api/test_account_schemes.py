"""Schemes that assign companies: whose orders count, and when a company is a person (design 4, decision 0004)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from api.wiring import House
from api.workflows import imports, segments
from api.workflows.consents import Said, declare_for
from api.workflows.explanations import explain_reference
from governance.vocabulary import OPERATOR, Act, Reason, Scope, Unit
from tests.builders import NOON, a_house, default_catalogue

LEGAL = range(1, 7)
SOLE = range(11, 17)
CONTACTS = "nr;mail;informiert;firma_nr;firma;form\n" + "".join(
    [f"K{n};a@f{n}.example.org;01.03.2026;F{n};Handel {n} GmbH;GmbH\n" for n in LEGAL]
    + [f"K{n}b;b@f{n}.example.org;01.03.2026;F{n};Handel {n} GmbH;GmbH\n" for n in LEGAL]
    + [f"K{n};c@f{n}.example.org;01.03.2026;F{n};Laden {n} e.K.;e.K.\n" for n in SOLE]
)
CONTACT_MAPPING = """
kind = "contacts"
[columns]
reference = "nr"
email = "mail"
informed = "informiert"
counterparty = { constant = "business" }
[columns.account]
reference = "firma_nr"
company_name = "firma"
legal_form = "form"
informed = "informiert"
"""
ORDERS = "kunde;firma;rechnung;tag;gruppe;betrag\n" + "".join(
    [f"K{n};F{n};R{n}1;01.10.2026;Küche;100,00\n" for n in LEGAL]
    + [f"K{n}b;F{n};R{n}2;02.10.2026;Wohnen;50,00\n" for n in LEGAL]
    + [f";F{n};R{n}3;03.10.2026;Küche;25,00\n" for n in LEGAL]
    + [f"K{n};F{n};R{n}4;04.10.2026;Küche;10,00\n" for n in SOLE]
)
ORDER_MAPPING = """
kind = "activities"
[columns]
contact = "kunde"
account = "firma"
occasion = "rechnung"
date = "tag"
category = "gruppe"
amount = "betrag"
"""
SCHEME = {
    "scheme": "firmen",
    "unit": "account",
    "purpose": "service_segmentation",
    "kind": "rules",
    "effect_class": "none",
    "minimum_size": 5,
    "features": [
        {"key": "revenue", "activity": "sum", "window": "P12M"},
        {"key": "kitchen", "activity": "category_share", "category": "Küche", "window": "P12M"},
    ],
    "segments": [
        {"key": "large", "name": {"de": "Große", "en": "Large"}, "rule": {"feature": "revenue", "at_least": 15000}}
    ],
    "otherwise": {"key": "rest", "name": {"de": "Übrige", "en": "Others"}},
}


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Six companies that are legal persons, six that are people."""
    catalogue = default_catalogue().replace("minimum_cell = 10", "minimum_cell = 5")
    opened = a_house(tmp_path, database_url, catalogue)
    for text, mapping, job in (
        (CONTACTS, CONTACT_MAPPING, imports.import_contacts),
        (ORDERS, ORDER_MAPPING, imports.import_activities),
    ):
        report = job(opened, BytesIO(text.encode()), mapping, actor=OPERATOR, now=NOON)
        assert report.failed == 0, report.to_json()
    segments.define(opened, json.dumps(SCHEME), actor=OPERATOR, now=NOON)
    yield opened
    opened.close()


def run(house: House) -> dict[str, int]:
    """Members by segment after a run."""
    segments.run(house, "firmen", actor=OPERATOR, now=NOON)
    return segments.show(house, "firmen", now=NOON).now


def inputs(house: House, reference: str) -> dict[str, str]:
    """What the record of a company holds, in words."""
    explained = explain_reference(house, "firmen", reference, language="en", actor=OPERATOR, now=NOON)
    return {item["key"]: item["value"] for item in explained.to_json()["inputs"]}


def test_orders_of_all_contacts_count_for_their_company(house: House) -> None:
    """An order names the buying company; who typed it does not matter to the company's figures."""
    assert run(house) == {"large": 6, "rest": 6}
    assert inputs(house, "F1")["revenue"] == "€175.00"
    assert inputs(house, "F1")["kitchen"].startswith("71")


def test_an_objecting_contact_does_not_change_a_legal_persons_figures(house: House) -> None:
    """Else everybody could read from the jump that somebody objected (Article 21 GDPR, decision 0004)."""
    run(house)
    before = inputs(house, "F1")
    declare_for(house, "K1", Said(Act.OBJECTED, scope=Scope.GENERAL), actor=OPERATOR, now=NOON)

    run(house)

    assert inputs(house, "F1") == before


def test_a_sole_trader_who_objects_is_in_no_scheme(house: House) -> None:
    """A company that is a natural person has the rights of one (Article 21(1) GDPR)."""
    run(house)
    said = Said(Act.OBJECTED, scope=Scope.GENERAL)
    declare_for(house, "F11", said, actor=OPERATOR, now=NOON, unit=Unit.ACCOUNT)

    at_once = segments.show(house, "firmen", now=NOON).now
    after = run(house)

    assert at_once == after == {"large": 6, "rest": 5}
    report = segments.schemes(house).schemes[0]
    assert (report.total, report.left_out) == (12, {"objected": 1})


def test_a_legal_person_needs_no_permission_of_its_own(house: House) -> None:
    """The GDPR protects natural persons (Article 4(1)); a GmbH is assigned without a declaration."""
    run(house)

    explained = explain_reference(house, "firmen", "F1", actor=OPERATOR, now=NOON)
    assert explained.decision.reason is Reason.NOT_A_PERSON
