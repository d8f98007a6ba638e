"""A mapping is an allow-list; each mistake in it is named with its path."""

from __future__ import annotations

import io
from datetime import date

import pytest

from governance.catalogue import Catalogue, parse_catalogue
from governance.files import open_table
from governance.mapping import Cell, MappingInvalid, parse_mapping
from governance.suggest import suggest
from tests.builders import default_catalogue


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """The default catalogue and one field of a special category."""
    special = """
[[field]]
key = "illness"
label = { de = "Krankheit", en = "Illness" }
type = "text"
category = "user.health_and_medical"
special = true
purposes = []
"""
    try:
        return parse_catalogue(default_catalogue() + special)
    except Exception:
        return parse_catalogue(default_catalogue())


def mistakes(text: str, catalogue: Catalogue, kind: str | None = None) -> str:
    with pytest.raises(MappingInvalid) as caught:
        parse_mapping(text, catalogue, kind)
    return "\n".join(caught.value.mistakes)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('kind = "people"\n[columns]\nreference = "a"', "kind: must be one of"),
        ('kind = "contacts"\n[columns]\nemail = "a"', "columns.reference: missing"),
        ('kind = "contacts"\n[columns]\nreference = "a"\nshoe = "b"', "columns.shoe: unknown"),
        ('kind = "contacts"\n[columns]\nreference = 3', "columns.reference: must be the name of a column"),
        (
            'kind = "contacts"\n[columns]\nreference = "a"\n[fields]\nshoe = "b"',
            "fields.shoe: the catalogue has no field",
        ),
        (
            'kind = "contacts"\n[columns]\nreference = "a"\n[fields]\nindustry = "Konfession"',
            "fields.industry: the column speaks",
        ),
        (
            'kind = "contacts"\n[columns]\nreference = "a"\n[fields]\npurchase_history = "b"',
            "fields.purchase_history: comes from",
        ),
        (
            'kind = "contacts"\n[columns]\nreference = "a"\naccount.company_name = "b"',
            "columns.account.reference: missing",
        ),
        ('kind = "contacts"\n[columns]\nreference = "a"\n[options]\ndecimal = ";"', "options.decimal: must be one of"),
        ('kind = "contacts"\n[columns]\nreference = "a"\n[options]\ncurrency = "Euro"', "options.currency: must be"),
        (
            'kind = "contacts"\n[columns]\nreference = "a"\n[options]\ncreate_owners = 1',
            "options.create_owners: must be",
        ),
        (
            'kind = "contacts"\ncurrency = "GBP"\n[columns]\nreference = "a"\n[fields]\nannual_revenue = "b"',
            "options.currency: annual_revenue is kept in EUR",
        ),
        ('kind = "contacts"\ntypo = 1\n[columns]\nreference = "a"', "typo: unknown key"),
        ('kind = "activities"\n[columns]\ncontact = "a"\ndate = "b"\nquantity = "c"', "columns.amount: missing"),
        ('kind = "activities"\n[columns]\namount = "a"', "columns.contact: missing"),
        (
            'kind = "attributes"\n[columns]\nreference = "a"\n[attributes]\nreligion = "b"',
            "attributes.religion: must be",
        ),
        ("kind = ", "not TOML"),
        ("kind = " + "[" * 50_000, "not TOML"),
        ("kind = " + "9" * 5_000, "not TOML"),
    ],
)
def test_each_mistake_is_named_with_its_path(text: str, path: str, catalogue: Catalogue) -> None:
    """The operator mends the file without guessing."""
    assert path in mistakes(text, catalogue)


def test_all_mistakes_are_told_at_once(catalogue: Catalogue) -> None:
    """Not one after the other."""
    found = mistakes('kind="contacts"\n[columns]\nshoe="a"\n[options]\ndecimal="x"', catalogue)

    assert len(found.splitlines()) == 3


def test_a_special_category_is_refused(catalogue: Catalogue) -> None:
    """Article 9 GDPR."""
    if "illness" not in catalogue.fields:
        pytest.skip("the catalogue itself refuses such a field")
    found = mistakes('kind="contacts"\n[columns]\nreference="a"\n[fields]\nillness="b"', catalogue)

    assert "fields.illness: a special category" in found


@pytest.mark.parametrize(
    ("header", "special"),
    [
        ("Strasse", False), ("Terrasse", False), ("Rasse", True),
        ("Herkunft des Kontakts", False), ("Kontaktherkunft", False), ("Lead-Herkunft", False),
        ("Herkunft", True), ("soziale Herkunft", True), ("ethnische_Herkunft", True), ("Herkunftsland", True),
        ("Vertragspartei", False), ("Vertragsparteien", False), ("Gegenpartei", False),
        ("Partei", True), ("Parteizugehörigkeit", True), ("politische Partei", True),
    ],
)  # fmt: skip
def test_a_street_is_no_race_and_a_contract_no_opinion(header: str, special: bool, catalogue: Catalogue) -> None:
    """A street without ß is the commonest column of Swiss files, and every lead has an origin."""
    text = f'kind="contacts"\n[columns]\nreference="a"\nstreet="{header}"'

    if special:
        assert "columns.street: the column speaks of a special category" in mistakes(text, catalogue)
    else:
        assert parse_mapping(text, catalogue, "contacts").source_columns() == ("a", header)


def test_a_mapping_serves_its_own_kind_alone(catalogue: Catalogue) -> None:
    """An activity mapping never makes contacts."""
    text = 'kind="activities"\n[columns]\ncontact="a"\ndate="b"\namount="c"'

    assert "kind: this mapping is for activities, not for contacts" in mistakes(text, catalogue, "contacts")


def test_constants_prefixes_and_words_are_read(catalogue: Catalogue) -> None:
    """What a cell can be besides a column."""
    text = """
kind = "contacts"
[columns]
reference = { row_number = true, prefix = "W" }
informed = 2026-01-15
contract_active = true
account.reference = "Firma"
account.industry = "WZ"
[fields]
postcode_prefix = { column = "PLZ", prefix = 2 }
journey_stage = { column = "Phase", values = { "Stamm" = "regular" } }
"""
    mapping = parse_mapping(text, catalogue)

    assert mapping.columns["reference"] == Cell(row_number="W")
    assert mapping.columns["informed"].constant == date(2026, 1, 15)
    assert mapping.account_fields["industry"].column == "WZ"
    assert mapping.fields["journey_stage"].values == {"Stamm": "regular"}
    assert mapping.source_columns() == ("PLZ", "Phase", "Firma", "WZ")


HEADER = "Kundennr;Anrede;Geschlecht;Vorname;Nachname;Kontakt;Rufnr;PLZ;Firma;Firmennr;Branche;Mitarbeiterzahl"
PROPOSED = f"""{HEADER};Konfession;Notiz "x"
1;Herr;m;Jörg;Weiß;a@example.org;+49 221 123456;50667;Weiß;7;46.1;12;rk;egal
2;Frau;w;Ayşe;Öz;b@example.org;+49 221 123457;50668;Öz;8;46.2;13;;egal
"""


def test_a_proposal_parses_and_leaves_out_what_has_no_place(catalogue: Catalogue) -> None:
    """Salutation and gender are never proposed (C-394/23); comments say what was left out and why."""
    with open_table(io.BytesIO(PROPOSED.encode())) as table:
        text = suggest(table.sample(), table.detected, catalogue)
        mapping = parse_mapping(text, catalogue)
        mapping.check_columns(table.columns)

    used = set(mapping.source_columns())
    assert not used & {"Anrede", "Geschlecht", "Konfession", 'Notiz "x"'}
    assert {
        "Kundennr",
        "Vorname",
        "Nachname",
        "Kontakt",
        "Rufnr",
        "PLZ",
        "Firmennr",
        "Branche",
        "Mitarbeiterzahl",
    } <= used
    assert mapping.columns["email"].column == "Kontakt"
    assert mapping.columns["phone"].column == "Rufnr"
    assert all(f'"{name}"' in text.split("left out")[1] for name in ("Anrede", "Geschlecht", "Konfession"))
    assert "rk" not in text
    assert "example.org" not in text


def test_an_invoice_file_is_proposed_as_activities(catalogue: Catalogue) -> None:
    """English names, too."""
    data = b"InvoiceNo,CustomerID,InvoiceDate,Quantity,UnitPrice,Description\n1,17850,2010-12-01,6,2.55,x\n"
    with open_table(io.BytesIO(data)) as table:
        mapping = parse_mapping(suggest(table.sample(), table.detected, catalogue), catalogue)

    assert mapping.kind == "activities"
    assert set(mapping.columns) == {"occasion", "contact", "date", "quantity", "unit_price"}
