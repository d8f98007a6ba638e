"""Imports take what is mapped, whole rows or none, and the same file changes nothing the second time."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from api.wiring import House
from api.workflows.import_report import ImportReport
from api.workflows.imports import (
    import_accounts,
    import_activities,
    import_attributes,
    import_contacts,
    suggest_mapping,
)
from audit import log
from audit.database import Database
from governance import store
from governance.files import FileRefused
from governance.mapping import MappingInvalid
from governance.tables import activity, import_record, profile, subject
from governance.vocabulary import OPERATOR, Unit
from tests.builders import NOON, a_house

CONTACTS = """
kind = "contacts"
[columns]
reference = "Kundennr"
given_name = "Vorname"
family_name = "Nachname"
email = "E-Mail"
account.reference = "Firmennr"
account.company_name = "Firma"
account.legal_form = "Rechtsform"
account.parent = "Mutter"
[fields]
industry = "Branche"
annual_revenue = "Umsatz"
customer_since = "Seit"
[options]
counterparty = "business"
informed = 2026-01-15
"""
HEADER = "Kundennr;Vorname;Nachname;E-Mail;Firmennr;Firma;Rechtsform;Mutter;Branche;Umsatz;Seit;Notiz"
PEOPLE = f"""{HEADER}
K1;Jörg;Weiß;joerg@example.org;F1;Weiß e.K.;e.K.;;46.1;1.234,50;31.12.2020;CANARY-7f3a
K2;Ayşe;Öz;info@example.com;F2;Öz GmbH;GmbH;F9;47.2;;01.02.2021;CANARY-7f3a
K3;Ann;Lee;kaputt;F2;Öz GmbH;GmbH;F9;;99;;CANARY-7f3a
;No;Body;x@example.org;;;;;;;;CANARY-7f3a
K5;Bad;Date;y@example.org;;;;;;;31.02.2020;CANARY-7f3a
K1;Again;Weiß;z@example.org;;;;;;;;CANARY-7f3a
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A home on SQLite."""
    home = tmp_path / "home"
    home.mkdir()
    opened = a_house(home)
    yield opened
    opened.close()


def people(house: House, text: str = PEOPLE, mapping: str = CONTACTS, **options: object) -> ImportReport:
    return import_contacts(house, io.BytesIO(text.encode()), mapping, actor=OPERATOR, now=NOON, **options)


def test_contacts_come_with_their_accounts_and_nothing_else(house: House) -> None:
    """Names lie in the vault, catalogue fields in the work database (PSE-1, G2)."""
    report = people(house)

    assert (report.rows, report.created, report.failed, report.skipped) == (6, 3, 2, 1)
    assert report.companions == {"created": 3, "unchanged": 0, "updated": 0}
    assert report.error_counts == {
        "E-Mail: email_not_understood": 1,
        "Kundennr: reference_missing": 1,
        "Seit: not_a_date": 1,
    }
    assert report.dropped_columns == 1
    with house.work.reading() as connection:
        rows = {row.id: row for row in connection.execute(select(subject))}
        stored = {row.subject: json.loads(row.attributes) for row in connection.execute(select(profile))}
    pseudonyms = house.vault.find(Unit.CONTACT, ["K1", "K2", "K3"]) + house.vault.find(Unit.ACCOUNT, ["F1", "F2", "F9"])
    with house.work.reading() as connection:
        k1, k2, k3, f1, f2, f9 = store.subject_of(connection, pseudonyms)
    assert (rows[k1].account, rows[k2].account, rows[k3].account, rows[f2].parent) == (f1, f2, f2, f9)
    assert [rows[n].natural for n in (k1, f1, f2, f9)] == [True, True, False, True]
    assert [rows[n].role_mailbox for n in (k1, k2, k3)] == [False, True, False]
    assert rows[k1].informed_at.date().isoformat() == "2026-01-15"
    assert stored[k1] == {"annual_revenue": 123450, "customer_since": "2020-12-31", "industry": "46.1"}
    assert house.vault.reveal([pseudonyms[0]])[0].details["given_name"] == "Jörg"


def test_the_same_file_again_changes_nothing(house: House) -> None:
    """An import can be repeated at any time."""
    people(house)
    before = _dump(house.work)
    report = people(house)

    assert (report.created, report.updated, report.unchanged) == (0, 0, 3)
    assert report.companions == {"created": 0, "unchanged": 2, "updated": 0}
    assert _dump(house.work) == before


def test_an_update_shows_what_changed_and_keeps_the_rest(house: House) -> None:
    """Counts by field, no values; a field keeps the day it was stated (PRI-4)."""
    people(house)
    text = PEOPLE.replace("46.1;1.234,50", "46.2;1.234,50").replace("Jörg;Weiß", "Jörg;Weiss")
    later = NOON + timedelta(days=3)

    report = import_contacts(house, io.BytesIO(text.encode()), CONTACTS, actor=OPERATOR, now=later)

    assert (report.updated, report.unchanged, dict(report.changed)) == (1, 2, {"family_name": 1, "industry": 1})
    with house.work.reading() as connection:
        number = store.subject_of(connection, house.vault.find(Unit.CONTACT, ["K1"]))[0]
        attributes, day, days = store.profile_of(connection, number)
    assert attributes["industry"] == "46.2"
    assert days == {"industry": day + 3}


def test_a_file_with_fewer_columns_leaves_the_others_alone(house: House) -> None:
    """What a mapping does not name is not touched."""
    people(house)
    report = people(
        house, "Kundennr;Tel\nK1;+49 221 123456\n", 'kind="contacts"\n[columns]\nreference="Kundennr"\nphone="Tel"'
    )

    assert dict(report.changed) == {"phone": 1}
    assert house.vault.reveal(house.vault.find(Unit.CONTACT, ["K1"]))[0].details == {
        "given_name": "Jörg",
        "family_name": "Weiß",
        "email": "joerg@example.org",
        "phone": "+49 221 123456",
    }


def test_a_dry_run_counts_the_same_and_writes_nothing(house: House) -> None:
    """No row, no record, no fact."""
    planned = people(house, dry_run=True)
    with house.work.reading() as connection:
        assert store.counts(connection).contacts == 0
        assert connection.execute(select(import_record)).all() == []
        assert log.size(connection) == 0
    done = people(house)

    assert house.vault.find(Unit.CONTACT, ["K1"])[0] is not None
    assert (planned.created, planned.failed, planned.skipped) == (done.created, done.failed, done.skipped)
    assert planned.companions["created"] == done.companions["created"]


def test_what_is_not_mapped_never_touches_a_disk(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The canary of an unmapped column and of a failed row is in no store, report, log or temporary file (PRI-3)."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    opened: list[str] = []
    sys.addaudithook(lambda event, details: opened.append(str(details[0])) if event == "open" and watching else None)
    watching = True
    with caplog.at_level(logging.DEBUG):
        report = people(house, PEOPLE.replace("Bad;Date", "CANARY-7f3a;Date"))
    watching = False

    for path in [*(tmp_path / "home").rglob("*"), *temporary.rglob("*")]:
        assert not path.is_file() or b"CANARY-7f3a" not in path.read_bytes(), path.name
    assert "CANARY" not in json.dumps(report.to_json()) + repr(report) + caplog.text
    assert not [path for path in opened if path.startswith(str(temporary))]


@pytest.mark.parametrize(
    "text", ["", HEADER + "\n", PEOPLE + 'K9;"x\n', PEOPLE + "K9;\x00;;;;;;;;;;\n", "Kundennr;Kundennr\n1;2\n"]
)
def test_a_refused_file_leaves_no_trace(house: House, tmp_path: Path, text: str) -> None:
    """The last row is judged before the first is taken."""
    before = _dump(house.work)
    path = tmp_path / "file.csv"
    path.write_text(text)
    for source in (path, io.BytesIO(text.encode())):
        with pytest.raises(FileRefused):
            import_contacts(house, source, CONTACTS, actor=OPERATOR, now=NOON)

    with house.work.reading() as connection:
        assert connection.execute(select(import_record)).all() == []
    assert _dump(house.work) == before
    assert house.vault.find(Unit.CONTACT, ["K1"]) == [None]


def test_blocked_addresses_are_taken_and_counted(house: House) -> None:
    """Erased and imported again: the person is new, the block holds (OBJ-6)."""
    with house.work.writing() as connection:
        house.blocklist.add(connection, "email", "JOERG@Example.org", now=NOON)

    assert people(house).blocked == 1


def test_whoever_is_being_erased_is_not_touched(house: House) -> None:
    """Erasure commits its intent in the work database first (A2)."""
    people(house)
    pseudonym = house.vault.find(Unit.CONTACT, ["K1"])
    with house.work.writing() as connection:
        number = store.subject_of(connection, pseudonym)[0]
        connection.execute(subject.update().where(subject.c.id == number).values(erased_at=NOON))
    report = people(house, PEOPLE.replace("46.1", "49.9"))

    assert report.error_counts["erasure_under_way"] == 1
    with house.work.reading() as connection:
        assert store.profile_of(connection, number)[0]["industry"] == "46.1"


def test_a_contact_gets_no_permission(house: House) -> None:
    """Nothing is declared by an import of contacts (PRI-8)."""
    people(house)
    with house.work.reading() as connection:
        for table in ("declaration", "standing"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 0


def test_an_import_tells_that_it_began_and_what_came_without_names(house: House) -> None:
    """Counts and the digest of the mapping (LOG-6)."""
    people(house)
    with house.work.reading() as connection:
        entry, began = log.entries(connection)
    assert (entry.kind, began.kind) == ("contacts:imported", "import:began")
    assert entry.body["created"] == 3


ORDERS = """
kind = "activities"
[columns]
contact = "Kunde"
date = "Datum"
quantity = "Menge"
unit_price = "Preis"
occasion = "Rechnung"
[options]
create_owners = true
"""
LINES = """Rechnung;Kunde;Datum;Menge;Preis
R1;17850;01.12.2025;6;2,55
R1;17850;01.12.2025;6;2,55
R2;17850;15.12.2025;-1;2,55
R3;;15.12.2025;1;1,00
"""


def orders(house: House, text: str = LINES, mapping: str = ORDERS, **options: object) -> ImportReport:
    return import_activities(house, io.BytesIO(text.encode()), mapping, actor=OPERATOR, now=NOON, **options)


def test_orders_are_minor_units_and_returns_are_negative(house: House) -> None:
    """Two equal lines of one invoice are two lines; a line without a customer is told."""
    planned, report = orders(house, dry_run=True), orders(house)

    assert (planned.created, report.created, report.failed) == (3, 3, 1)
    with house.work.reading() as connection:
        rows = connection.execute(select(activity).order_by(activity.c.day, activity.c.seq)).all()
    assert sorted((row.kind, row.amount, row.quantity) for row in rows) == [
        ("order", 1530, 6),
        ("order", 1530, 6),
        ("return", -255, -1),
    ]
    assert len({row.occasion for row in rows}) == 2
    again = orders(house)
    assert (again.created, again.unchanged) == (0, 3)


def test_orders_of_unknown_customers_are_told_unless_the_mapping_makes_them(house: House) -> None:
    """Nobody is made by accident."""
    report = orders(house, mapping=ORDERS.replace("true", "false"))

    assert report.error_counts == {"Kunde: owner_missing": 1, "Kunde: owner_unknown": 3}
    assert report.created == 0


def test_an_order_counts_for_the_contact_if_known_else_for_the_account(house: House) -> None:
    """Activities name an account and, if known, a contact (design 4)."""
    people(house)
    mapping = ORDERS.replace('contact = "Kunde"', 'contact = "Kunde"\naccount = "Firma"').replace("true", "false")
    text = "Rechnung;Kunde;Firma;Datum;Menge;Preis\n1;K2;F2;2025-12-01;1;5,00\n2;;F2;2025-12-01;1;7,00\n"
    orders(house, text, mapping)

    with house.work.reading() as connection:
        k2 = store.subject_of(connection, house.vault.find(Unit.CONTACT, ["K2"]))[0]
        f2 = store.subject_of(connection, house.vault.find(Unit.ACCOUNT, ["F2"]))[0]
        found = {row.owner: row.amount for row in connection.execute(select(activity))}
    assert found == {k2: 500, f2: 700}


def test_typed_parquet_is_read_as_it_is(house: House, tmp_path: Path) -> None:
    """The shape of a real retail export: numbers with holes, timestamps, prices in binary fractions."""
    path = tmp_path / "orders.parquet"
    table = pa.table(
        {
            "Rechnung": ["536365", "536365", "C536379"],
            "Kunde": pa.array([17850.0, None, 14527.0]),
            "Datum": pa.array([NOON.replace(tzinfo=None)] * 3, pa.timestamp("us")),
            "Menge": [6, 1, -1],
            "Preis": [2.55, 3.39, 27.5],
        }
    )
    pq.write_table(table, path)
    report = import_activities(house, path, ORDERS, actor=OPERATOR, now=NOON)

    assert (report.created, report.failed) == (2, 1)
    assert house.vault.find(Unit.CONTACT, ["17850", "14527"]).count(None) == 0


def test_accounts_come_with_parents_and_row_numbers_can_be_references(house: House) -> None:
    """A file without a customer number can be taken all the same."""
    mapping = 'kind="accounts"\n[columns]\nreference={row_number=true, prefix="W"}\n[fields]\nemployees="MA"'
    report = import_accounts(house, io.BytesIO(b"Name;MA\nA;12\nB;1.5\nC;1,5\n"), mapping, actor=OPERATOR, now=NOON)

    assert (report.created, report.failed) == (1, 2)
    assert house.vault.find(Unit.ACCOUNT, ["W1"]) != [None]


def test_protected_attributes_go_to_their_own_store_alone(house: House) -> None:
    """The check of prices sees them, the work database never (design 5)."""
    people(house)
    mapping = 'kind="attributes"\n[columns]\nreference="Kundennr"\n[attributes]\nage_band="Alter"'
    report = import_attributes(
        house, io.BytesIO(b"Kundennr;Alter\nK1;50+\nK2;unter 50\nK7;x\n"), mapping, actor=OPERATOR, now=NOON
    )

    assert (report.created, report.failed) == (2, 1)
    assert house.protected.attributes() == ("age_band",)
    assert "unter 50" not in _dump(house.work)


def test_both_databases_take_the_same(database_url: str, tmp_path: Path) -> None:
    """SQLite and PostgreSQL."""
    house = a_house(tmp_path, database_url)
    try:
        first, lines = people(house), orders(house)
        again, more = people(house), orders(house)
        changed = people(house, PEOPLE.replace("46.1", "46.9"))
        assert (first.created, lines.created, again.unchanged, more.unchanged) == (3, 3, 3, 3)
        assert dict(changed.changed) == {"industry": 1}
    finally:
        house.close()


def test_a_proposed_mapping_imports_the_file_it_was_made_for(house: House) -> None:
    """`suggest` then `contacts`."""
    text = suggest_mapping(house, io.BytesIO(PEOPLE.encode()), name="x.csv").text

    report = people(house, mapping=text)

    assert (report.created, report.failed) == (4, 1)
    assert "Notiz" in text.split("left out")[1]


def test_a_mapping_for_another_file_is_refused(house: House) -> None:
    """Each missing column is named with its path in the mapping."""
    with pytest.raises(MappingInvalid, match=r"columns\.given_name"):
        people(house, "Kundennr\nK1\n")


KILLED = """
import os, signal, sys
from datetime import datetime, timezone
from pathlib import Path
from api.settings import read_settings
from api.wiring import open_house
from api.workflows.imports import import_contacts
from api.workflows import people
from governance import store, vault
from governance.vocabulary import OPERATOR
def die(*a, **k):
    os.kill(os.getpid(), signal.SIGKILL)
step = sys.argv[3]
if step == "before vault":
    vault.Vault.store = die
if step == "after vault":
    people.PeopleWriter._write = die
if step == "inside work":
    store.add_profiles = die
if step == "before record":
    store.finish_import = die
house = open_house(read_settings({}, Path(sys.argv[1])))
import_contacts(house, Path(sys.argv[2]), Path(sys.argv[2]).with_suffix(".toml").read_text(), actor=OPERATOR,
                now=datetime(2026, 11, 22, tzinfo=timezone.utc))
"""


@pytest.mark.parametrize("step", ["before vault", "after vault", "inside work", "before record"])
def test_a_kill_between_any_two_steps_leaves_nothing_half_written(house: House, tmp_path: Path, step: str) -> None:
    """The next attempt completes it: vault row first, work row second (A2)."""
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    path.with_suffix(".toml").write_text(CONTACTS)
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "home"), str(path), step],
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=root,
        check=False,
    )
    assert run.returncode == -signal.SIGKILL
    with house.work.reading() as connection:
        assert set(connection.execute(select(subject.c.id)).scalars()) == set(
            connection.execute(select(profile.c.subject)).scalars()
        )
    report = people(house)

    assert report.created + report.unchanged == 3
    with house.work.reading() as connection:
        counts = store.counts(connection)
        assert (counts.contacts, counts.accounts) == (3, 3)
        assert None not in store.subject_of(connection, house.vault.find(Unit.CONTACT, ["K1", "K2", "K3"]))


def _dump(database: Database) -> str:
    with database.reading() as connection:
        return repr(
            [
                connection.execute(select(table).order_by(*table.primary_key)).all()
                for table in (subject, profile, activity)
            ]
        )
