"""Erasure reaches every store, survives a crash between any two steps, and leaves every other proof intact."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from api.wiring import House
from api.workflows import erasing
from api.workflows.declaring import Subject, declare
from api.workflows.log import prove_assignment, verify_file, verify_home
from api.workflows.phone_proof import phone_proof
from api.workflows.portal import ask_for_link
from audit import log
from audit.errors import NotFound
from consent import ledger
from governance.identity import Identity
from governance.tables import subject
from governance.vocabulary import OPERATOR, Channel, Unit
from segmentation.tables import assignment, correction, export, export_row
from tests.api.erasing_world import CANARY, PERSON, REFERENCE, everything, facts, plant
from tests.builders import NOON
from tests.small_world import DAY, RULES, a_small_world, identity_of, run_scheme, said


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Sixty people, two runs, and one of them with a canary in every room."""
    made = a_small_world(tmp_path / "home", database_url, people=24, gold=12)
    plant(made)
    run_scheme(made, RULES)
    run_scheme(made, RULES, now=NOON + timedelta(minutes=1))
    yield made
    made.close()


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


def test_the_address_of_today_is_blocked_for_what_was_refused_at_an_older_one(house: House) -> None:
    """The order asks the whole history about the address that is held now (OBJ-6)."""
    moved = dict(identity_of(PERSON).details) | {"email": "moved@example.org"}
    house.vault.update([(PERSON.to_bytes(16, "big"), Identity(Unit.CONTACT, REFERENCE, moved))])

    erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))

    with house.work.reading() as connection:
        asked = ["moved@example.org"]
        assert house.blocklist.blocked(connection, "email", asked, purpose="newsletter") == [True]


def test_mails_and_addresses_that_wait_are_forgotten(house: House) -> None:
    """A link that was asked for, its sealed address and the mail in the outbox folder go with the person (ERA-1)."""
    address = f"{CANARY}@example.org"
    ask_for_link(house, address, "en", now=NOON)
    folder = house.settings.outbox_folder
    folder.mkdir()
    (folder / "1.eml").write_text(f"To: {address}\nSubject: x\n\nx")
    (folder / "2.eml").write_text("To: other@example.org\nSubject: x\n\nx")

    erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))

    assert [path.name for path in folder.glob("*.eml")] == ["2.eml"]
    assert house.addresses.forget_value(address) == 0


def test_a_person_who_was_erased_is_found_by_nobody(house: House) -> None:
    """Erasing twice, or asking afterwards, gives the answer that somebody unknown gets."""
    erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))

    with pytest.raises(NotFound):
        erasing.erase(house, REFERENCE, actor=OPERATOR, now=NOON + timedelta(hours=1))


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
