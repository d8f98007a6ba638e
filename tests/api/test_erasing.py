"""Erasure reaches every store, survives a crash between any two steps, and leaves every other proof intact."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, insert, select, update

from api.migrations.environment import STORES, version_table
from api.wiring import House, open_house
from api.workflows import erasing, home
from api.workflows.declaring import Subject, declare
from api.workflows.log import prove_assignment, verify_file, verify_home
from api.workflows.phone_proof import phone_proof
from api.workflows.stores import newest_version
from audit import log
from audit.errors import NotFound
from consent import ledger
from governance.identity import Identity
from governance.tables import profile, subject
from governance.vocabulary import OPERATOR, Act, Channel, Unit
from segmentation.run_publish import publish
from segmentation.tables import assignment, correction, export, export_row
from tests.builders import NOON
from tests.small_world import DAY, RULES, a_small_world, identity_of, run_scheme, said

CANARY = "zyzzyva-canary"
PERSON = 7
REFERENCE = "K0007"


class Died(Exception):
    """Stands for a process that ends between two steps."""


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Sixty people, two runs, and one of them with a canary in every room."""
    made = a_small_world(tmp_path / "home", database_url, people=24, gold=12)
    _plant(made)
    run_scheme(made, RULES)
    run_scheme(made, RULES, now=NOON + timedelta(minutes=1))
    yield made
    made.close()


def _plant(house: House) -> None:
    number = PERSON.to_bytes(16, "big")
    details = dict(identity_of(PERSON).details) | {"family_name": CANARY, "email": f"{CANARY}@example.org"}
    house.vault.update([(number, Identity(Unit.CONTACT, REFERENCE, details))])
    house.protected.replace({"age_group": [(number, CANARY), ((8).to_bytes(16, "big"), "30-39")]})
    with house.work.writing() as connection:
        connection.execute(
            update(profile).where(profile.c.subject == PERSON).values(attributes=json.dumps({"industry": CANARY}))
        )
    person = Subject(PERSON, number)
    objected = said("newsletter", Act.WITHDRAWN, channel=Channel.EMAIL)
    declare(house, person, [objected], actor=OPERATOR, now=NOON)
    letter = said("personalised_offers", channel=Channel.POST, has_evidence=True)
    declare(house, person, [letter], actor=OPERATOR, now=NOON, evidence=[CANARY.encode()])


def everything(house: House, folder: Path) -> bytes:
    """Every byte of the home's files but keys, and every row of every table as text."""
    found = [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]
    for store, metadata in (
        (house.work, STORES["work"]), (house.vault.database, STORES["vault"]),
        (house.protected.database, STORES["protected"]),
    ):  # fmt: skip
        found.append(_dump(store, metadata))
    return b"\n".join(found)


def _dump(store: Any, metadata: tuple[MetaData, ...]) -> bytes:
    with store.reading() as connection:
        return b"\n".join(
            b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in row)
            for one in metadata
            for table in one.sorted_tables
            for row in connection.execute(select(table))
        )


def stamp(store: Any, name: str) -> None:
    """Say that the tables are at the newest version, as migrations would have."""
    with store.writing() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {version_table(name)} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO {version_table(name)} VALUES ('{newest_version(name)}')")


def facts(house: House, kind: str) -> list[log.Entry]:
    with house.work.reading() as connection:
        return log.entries(connection, kind=kind)


def test_after_an_erasure_no_store_yields_the_person(house: House, tmp_path: Path) -> None:
    """No file, no write-ahead log and no table holds the canary any more (Article 17(1); ERA-1, invariant 5)."""
    before = everything(house, tmp_path / "home")
    assert CANARY.encode() in before

    done = erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))

    assert done.overwritten
    assert CANARY.encode() not in everything(house, tmp_path / "home")
    assert house.vault.reveal([PERSON.to_bytes(16, "big")]) == [None]
    assert erasing.remains(house, PERSON) == {"subject": 1, "erasure": 1, "declaration": 4, "log_subject": 1}


def test_after_an_erasure_everybody_elses_proofs_verify(house: House) -> None:
    """The opening is replaced by its hash: log and every batch verify, and no leaf can be guessed (ERA-2, T1)."""
    erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))

    result = verify_home(house, deep=True)
    assert result.ok, result.findings
    with house.work.reading() as connection:
        assert not connection.execute(select(assignment).where(assignment.c.subject == PERSON)).all()


def test_a_proof_that_was_handed_out_before_still_verifies_and_a_new_one_does(house: House) -> None:
    """Somebody else's file, made before or after, needs nothing of the erased person (ERA-2, LOG-8)."""
    before = prove_assignment(house, "value", "K0008", actor=OPERATOR, now=NOON + timedelta(hours=1))
    own = prove_assignment(house, "value", REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))
    erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))
    after = prove_assignment(house, "value", "K0008", actor=OPERATOR, now=NOON + timedelta(hours=2))

    for made in (before, own, after):
        assert verify_file(made.data, made.log_key).ok
    with pytest.raises(NotFound):
        prove_assignment(house, "value", REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=2))


def test_the_log_says_what_was_destroyed_and_nothing_of_whom(house: House) -> None:
    """Order and receipt carry a random handle; nothing else links them to a person (ERA-3: destruction receipt)."""
    done = erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))

    [ordered], [erased] = facts(house, "subject:erasure_ordered"), facts(house, "subject:erased")
    assert ordered.body["handle"] == erased.body["handle"] == done.handle
    assert erased.body["identity_key"] == erased.body["evidence_key"] == "destroyed"
    with house.work.reading() as connection:
        assert [entry.kind for entry in log.entries(connection, subject=PERSON)] == ["subject:erasure_ordered"]


def test_the_block_list_outlives_the_erasure_and_meets_a_new_import(house: House) -> None:
    """Imported again, the reference is a new subject, and the old no still stands at its address (OBJ-6, T8)."""
    erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))

    assert house.vault.find(Unit.CONTACT, [REFERENCE]) == [None]
    with house.work.reading() as connection:
        asked = [f"{CANARY.upper()}@EXAMPLE.org"]
        assert house.blocklist.blocked(connection, "email", asked, purpose="newsletter") == [True]
        assert house.blocklist.blocked(connection, "email", asked, purpose="personalised_offers") == [False]


def test_a_person_who_was_erased_is_found_by_nobody(house: House) -> None:
    """Erasing twice, or asking afterwards, gives the answer that somebody unknown gets."""
    erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))

    with pytest.raises(NotFound):
        erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))


@pytest.mark.parametrize("step", erasing.STEPS[:-1])
def test_what_a_crash_leaves_is_finished_at_the_next_start(house: House, tmp_path: Path, step: str) -> None:
    """Between any two steps a process may die; readers see an erased person, and the sweeper ends it (design 5)."""

    def die(done: str) -> None:
        if done == step:
            raise Died

    with pytest.raises(Died):
        erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1), after=die)
    with house.work.reading() as connection:
        assert ledger.subjects_of(connection, [PERSON.to_bytes(16, "big")]) == {}

    assert erasing.sweep(house, now=NOON + timedelta(hours=2)) == 1
    assert erasing.sweep(house, now=NOON + timedelta(hours=2)) == 0

    assert CANARY.encode() not in everything(house, tmp_path / "home")
    assert len(facts(house, "subject:erased")) == len(facts(house, "subject:erasure_ordered")) == 1
    assert verify_home(house, deep=True).ok
    assert [row.pseudonym for row in house.journal.erased()] == [PERSON.to_bytes(16, "big")]


def test_a_process_that_is_killed_is_finished_by_doctor(tmp_path: Path) -> None:
    """A real SIGKILL after the keys are gone and before the rows are; `lauter doctor` goes on (ERA-1)."""
    made = a_small_world(tmp_path / "home", people=24, gold=12)
    _plant(made)
    run_scheme(made, RULES)
    settings = made.settings
    for store in STORES:
        stamp(getattr(made, store).database if store != "work" else made.work, store)
    made.close()
    settings.home.chmod(0o700)
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom api.settings import read_settings\n"
        "from api.wiring import open_house\nfrom api.workflows import erasing\n"
        "from governance.vocabulary import OPERATOR\nfrom tests.builders import NOON\n"
        "house = open_house(read_settings({}, home=Path(sys.argv[1])))\n"
        "kill = lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == 'vault' else None\n"
        f"erasing.erase(house, {REFERENCE!r}, actor=OPERATOR, now=NOON, after=kill)\n"
    )
    child = subprocess.run([sys.executable, "-c", script, str(settings.home)], check=False, cwd=Path.cwd())
    assert child.returncode == -signal.SIGKILL

    checks = {check.name: check for check in home.examine(settings, now=NOON).checks}

    assert checks["erasures"].sound
    assert checks["erasures"].detail.startswith("1 ")
    house = open_house(settings)
    assert CANARY.encode() not in everything(house, settings.home)
    assert verify_home(house, deep=True).ok
    house.close()


def test_evidence_of_calls_is_restricted_until_its_day_and_then_destroyed(house: House) -> None:
    """Five years from the grant the proof opens, for no call; then its key goes, too (§ 7a UWG; CON-11, ERA-4)."""
    person = Subject(9, (9).to_bytes(16, "big"))
    call = said("newsletter", channel=Channel.PHONE, has_evidence=True)
    declare(house, person, [call], actor=OPERATOR, now=NOON, evidence=[b"recording 4711"])

    done = erasing.erase(house, "K0009", actor=OPERATOR, now=NOON + timedelta(hours=1))

    assert done.evidence_until is not None
    assert done.evidence_until.date().isoformat() == "2031-11-22"
    assert facts(house, "subject:erased")[0].body["evidence_key"] == "restricted"
    with house.work.reading() as connection:
        assert ledger.subjects_of(connection, [person.pseudonym]) == {}
    erasing.sweep(house, now=done.evidence_until - timedelta(seconds=1))
    assert not facts(house, "evidence:destroyed")
    for asked in ("K0009", "+49 30 23125009"):
        proof = phone_proof(house, asked, actor=OPERATOR, now=NOON + timedelta(hours=2)).document
        assert proof["person"]["family_name"] == "Muster9"
        assert proof["consents"][0]["evidence"] == {"text": "recording 4711"}
    erasing.sweep(house, now=done.evidence_until)
    assert facts(house, "evidence:destroyed")[0].body["keys"] == 1
    with pytest.raises(NotFound):
        phone_proof(house, "K0009", actor=OPERATOR, now=done.evidence_until)


def test_a_case_keeps_the_evidence_as_long_as_it_needs_it(house: House) -> None:
    """For legal claims the key stays, restricted, up to the day that is named (Article 17(3)(e))."""
    until = NOON + 90 * DAY
    done = erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1), case_until=until)

    assert done.evidence_until == until


def test_corrections_go_and_an_export_stays_known_only_while_its_recipient_must_be_told(house: House) -> None:
    """The recipient ledger serves Article 19; where nobody has to be told any more, nothing stays."""
    row = {"scheme": "value", "subject": PERSON, "kind": "out", "reason": b"x", "author": "desk", "review_on": 1}
    with house.work.writing() as connection:
        connection.execute(insert(correction).values(id=1, created_at=NOON, **row))
        for number, state, days in ((1, "released", 10), (2, "released", -1), (3, "built", 10)):
            values = {"id": number, "document": "{}", "state": state, "requested_at": NOON, "requested_by": "operator"}
            connection.execute(insert(export).values(expires_at=NOON + days * DAY, **values))
            connection.execute(insert(export_row).values(export=number, subject=PERSON, pseudonym=os.urandom(16)))

    done = erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))

    assert done.kept["export_row"] == 1
    assert "correction" not in done.kept


def test_who_shares_the_address_keeps_it(house: House) -> None:
    """Erasing one of two people who share a mailbox leaves the other one whole (OBJ-11)."""
    shared = dict(identity_of(8).details) | {"email": f"{CANARY}@example.org"}
    house.vault.update([((8).to_bytes(16, "big"), Identity(Unit.CONTACT, "K0008", shared))])

    erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))

    assert house.vault.holders_of("email", [f"{CANARY}@example.org"]) == [[(8).to_bytes(16, "big")]]
    assert erasing.remains(house, 8)["assignment"] == 2


def test_a_company_that_is_a_person_can_be_erased_and_its_contacts_lose_the_link(house: House) -> None:
    """A sole trader has the rights of Chapter III; who worked there does not go with them."""
    house.vault.store([(b"a" * 16, Identity(Unit.ACCOUNT, "A1", {"company_name": "Muster e.K."}))])
    row = {"pseudonym": b"a" * 16, "unit": "account", "natural": True, "counterparty": "business"}
    with house.work.writing() as connection:
        connection.execute(insert(subject).values(id=900, role_mailbox=False, created_at=NOON, updated_at=NOON, **row))
        connection.execute(update(subject).where(subject.c.id == 8).values(account=900))

    erasing.erase(house, "A1", unit=Unit.ACCOUNT, actor=OPERATOR, now=NOON + timedelta(hours=1))

    with house.work.reading() as connection:
        assert connection.scalar(select(subject.c.account).where(subject.c.id == 8)) is None
    assert erasing.remains(house, 8)["assignment"] == 2


def test_a_run_that_began_before_the_erasure_publishes_nothing_of_the_person(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry of the erasure is what a publication asks about; the row goes down to its hash (OBJ-3, ERA-1)."""

    def later(*given: Any) -> int:
        erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))
        return publish(*given)

    monkeypatch.setattr("segmentation.run.publish", later)
    run_scheme(house, RULES, now=NOON + timedelta(minutes=2))

    assert "assignment" not in erasing.remains(house, PERSON)
    assert verify_home(house, deep=True).ok
