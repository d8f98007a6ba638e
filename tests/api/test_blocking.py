"""Whose address goes on the block list, who else is met by it, and who takes it off again (OBJ-6, OBJ-11)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from api.wiring import House
from api.workflows import export_requests, exports, imports, segments
from api.workflows.consents import import_consents
from api.workflows.declaring import declare, find
from consent.errors import MayNotRaise
from governance.blocklist import Kind, blocked_address
from governance.tables import subject
from governance.vocabulary import OPERATOR, Act, Channel, Declaration, Scope, Source
from tests.builders import NOON, a_house, default_catalogue
from tests.small_world import RULES, said

DAY = timedelta(days=1)
HEAD = "nr;name;mail;telefon;strasse;plz;informiert"
PEOPLE = f"""{HEAD}
K1;Groß;Aenne.Gross@bücher.example;030 23125001;Lange Straße 1;10115;01.03.2026
K2;Groß;AENNE.GROSS@xn--bcher-kva.example;030 23125002;Lange Straße 1;10115;01.03.2026
K3;Muster;max@example.org;+49 (0)30 23125001;Gasse 3;10115;01.03.2026
"""
MAPPING = """
kind = "contacts"
[columns]
reference = "nr"
family_name = "name"
email = "mail"
phone = "telefon"
street = "strasse"
postcode = "plz"
informed = "informiert"
"""
EVERY = ["newsletter", "personalised_offers", "sales_care"]


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """K1 and K2 share an e-mail address and a letter box, K1 and K3 a number."""
    made = a_house(tmp_path, database_url, default_catalogue().replace("minimum_cell = 10", "minimum_cell = 5"))
    taken_in(made, PEOPLE)
    yield made
    made.close()


def taken_in(house: House, people: str) -> None:
    report = imports.import_contacts(house, BytesIO(people.encode()), MAPPING, actor=OPERATOR, now=NOON)
    assert report.failed == 0


def says(house: House, reference: str, *declarations: Declaration, now: datetime = NOON) -> None:
    declare(house, find(house, reference), declarations, actor=OPERATOR, now=now)


def blocked(house: House, kind: Kind, value: str) -> list[str]:
    """The purposes that may not use the address."""
    with house.work.reading() as connection:
        return [each for each in EVERY if house.blocklist.blocked(connection, kind, [value], purpose=each)[0]]


EMAIL, PHONE, LETTERS = "aenne.gross@bücher.example", "03023125001", "GROSS, Lange Str. 1, 10115"


@pytest.mark.parametrize("scope", [Scope.MARKETING, Scope.GENERAL])
def test_an_objection_to_all_advertising_blocks_every_address_for_every_purpose(house: House, scope: Scope) -> None:
    """Article 21(2) and (3) GDPR: in every spelling, and nothing of the person is in the list."""
    says(house, "K1", said(None, Act.OBJECTED, scope=scope))

    assert blocked(house, "email", "Aenne.GROSS@BÜCHER.example") == EVERY
    assert blocked(house, "phone", "0049 30 23125001") == EVERY
    assert blocked(house, "sms", "0049 30 23125001") == EVERY
    assert blocked(house, "post", LETTERS) == EVERY
    assert blocked(house, "email", "max@example.org") == []
    with house.work.reading() as connection:
        assert connection.execute(select(func.count()).select_from(blocked_address)).scalar_one() == 3


@pytest.mark.parametrize("act", [Act.OBJECTED, Act.WITHDRAWN, Act.REFUSED])
def test_a_no_to_one_way_of_a_purpose_blocks_that_address_for_it_alone(house: House, act: Act) -> None:
    """§ 7 UWG: calls are no texts and no letters."""
    says(house, "K1", said("sales_care", act, channel=Channel.PHONE))

    assert blocked(house, "phone", PHONE) == ["sales_care"]
    assert blocked(house, "sms", PHONE) == blocked(house, "email", EMAIL) == blocked(house, "post", LETTERS) == []


def test_a_no_to_a_purpose_blocks_every_address_for_it(house: House) -> None:
    """OBJ-6: else the next import after an erasure would bring it back."""
    says(house, "K1", said("newsletter", Act.WITHDRAWN))

    assert blocked(house, "email", EMAIL) == blocked(house, "phone", PHONE) == ["newsletter"]


@pytest.mark.parametrize(
    "other",
    [
        said(None, Act.OBJECTED, scope=Scope.PROFILING),
        said("newsletter", Act.FIELD_WITHHELD, field="industry"),
        said("newsletter", Act.GIVEN, channel=Channel.EMAIL),
        said("newsletter", Act.UNKNOWN),
    ],
)
def test_what_is_no_no_to_being_addressed_blocks_nothing(house: House, other: Declaration) -> None:
    """Article 5(1)(c) GDPR: the list holds what it needs and no more, and nobody gets an entry for saying yes."""
    says(house, "K1", other)

    with house.work.reading() as connection:
        assert connection.execute(select(func.count()).select_from(blocked_address)).scalar_one() == 0


def test_the_person_who_said_no_frees_the_address_by_a_later_yes(house: House) -> None:
    """Article 7(1) GDPR: their own later act, for what it is about."""
    says(house, "K3", said("newsletter", Act.WITHDRAWN, channel=Channel.EMAIL, at=NOON - 2 * DAY))
    assert blocked(house, "email", "max@example.org") == ["newsletter"]

    says(house, "K3", said("newsletter", channel=Channel.EMAIL))

    assert blocked(house, "email", "max@example.org") == []


def test_a_yes_to_one_purpose_after_a_no_to_all_frees_that_one(house: House) -> None:
    """Article 21(3) GDPR: asked for the newsletter, got the newsletter; a new no closes it again."""
    says(house, "K3", said(None, Act.OBJECTED, scope=Scope.MARKETING, at=NOON - 3 * DAY))
    says(house, "K3", said("newsletter", channel=Channel.EMAIL, at=NOON - 2 * DAY))
    assert blocked(house, "email", "max@example.org") == ["personalised_offers", "sales_care"]
    assert blocked(house, "phone", PHONE) == EVERY

    says(house, "K3", said(None, Act.OBJECTED, scope=Scope.MARKETING))

    assert blocked(house, "email", "max@example.org") == EVERY


def test_lifting_an_objection_frees_what_it_blocked(house: House) -> None:
    """The objection was theirs, and so is taking it back; a no to a single purpose stays."""
    says(house, "K3", said(None, Act.OBJECTED, scope=Scope.MARKETING, at=NOON - 3 * DAY))
    says(house, "K3", said("sales_care", Act.OBJECTED, channel=Channel.EMAIL, at=NOON - 3 * DAY))

    says(house, "K3", said(None, Act.OBJECTION_LIFTED, scope=Scope.MARKETING))

    assert blocked(house, "email", "max@example.org") == ["sales_care"]


def test_nobody_frees_an_address_on_which_somebody_else_said_no(house: House) -> None:
    """OBJ-11: K1 and K2 share it; the yes of the one leaves the no of the other."""
    says(house, "K1", said("newsletter", Act.WITHDRAWN, channel=Channel.EMAIL, at=NOON - 3 * DAY))
    says(house, "K2", said("newsletter", Act.REFUSED, channel=Channel.EMAIL, at=NOON - 3 * DAY))
    says(house, "K2", said("newsletter", channel=Channel.EMAIL, at=NOON - 2 * DAY))
    assert blocked(house, "email", EMAIL) == ["newsletter"]

    says(house, "K1", said("newsletter", channel=Channel.EMAIL))

    assert blocked(house, "email", EMAIL) == []


def test_an_entry_of_somebody_erased_is_not_taken_off_by_whoever_shares_the_address(house: House) -> None:
    """OBJ-6: the erased person's no is in the list alone; who never said no there has nothing to take back."""
    taken_in(house, f"{HEAD}\nK4;Groß;aenne.gross@bücher.example;030 23125004;Weg 4;10115;01.03.2026\n")
    says(house, "K1", said("newsletter", Act.OBJECTED, channel=Channel.EMAIL, at=NOON - 3 * DAY))
    erased(house, "K1")

    says(house, "K2", said("newsletter", channel=Channel.EMAIL))

    assert blocked(house, "email", EMAIL) == ["newsletter"]


def test_a_yes_that_is_not_the_persons_own_frees_nothing(house: House) -> None:
    """OBJ-10: the desk's word without evidence is refused, and the list stays as it is."""
    says(house, "K3", said("newsletter", Act.WITHDRAWN, channel=Channel.EMAIL, at=NOON - 2 * DAY))

    with pytest.raises(MayNotRaise):
        says(house, "K3", said("newsletter", channel=Channel.EMAIL, source=Source.DESK_FOR_SUBJECT))

    assert blocked(house, "email", "max@example.org") == ["newsletter"]


def test_a_late_no_that_a_yes_outlived_blocks_nothing(house: House) -> None:
    """A letter of Monday that is typed in after Tuesday's yes changes nothing, here either."""
    says(house, "K3", said("newsletter", channel=Channel.EMAIL, at=NOON - DAY))
    letter = said("newsletter", Act.WITHDRAWN, channel=Channel.EMAIL, at=NOON - 3 * DAY)

    says(house, "K3", letter)

    assert blocked(house, "email", "max@example.org") == []


def erased(house: House, reference: str) -> None:
    """What an erasure leaves: no identity, and a row that says so."""
    person = find(house, reference)
    with house.work.writing() as connection:
        connection.execute(update(subject).where(subject.c.id == person.number).values(erased_at=NOON))
    house.vault.erase([person.pseudonym], retain_evidence_until=None)


OTHERS = range(20, 28)
CONSENTS = "Kundennr;Zweck;Kanal;Antwort;Datum;Nachweis;Fassung\n" + "".join(
    f"K{number};personalised_offers;email;ja;01.06.2026;Formular {number};2026-11\n" for number in (1, 2, 9, *OTHERS)
)
REQUEST: dict[str, Any] = {
    "purpose": "personalised_offers",
    "scheme": "value",
    "segments": ["gold", "others"],
    "recipient": {"name": "Muster GmbH", "country": "DE", "role": "processor"},
    "channel": "email",
    "fields": ["contact.email"],
    "valid": "P7D",
    "mode": "contact_points",
}


def exported(house: House) -> tuple[str, dict[str, int]]:
    """A file of everybody who signed the form, and who is left out of it."""
    others = "".join(f"K{n};Muster{n};k{n}@example.org;;;;01.03.2026\n" for n in OTHERS)
    taken_in(house, f"{HEAD}\n{others}")
    imported = import_consents(house, BytesIO(CONSENTS.encode()), actor=OPERATOR, now=NOON)
    assert imported.given >= len(OTHERS)
    segments.define(house, json.dumps(RULES), actor=OPERATOR, now=NOON)
    segments.run(house, "value", actor=OPERATOR, now=NOON)
    number = export_requests.request(house, json.dumps(REQUEST), actor=OPERATOR, now=NOON).number
    export_requests.approve(house, number, actor=OPERATOR, now=NOON)
    manifest = exports.build(house, number, actor=OPERATOR, now=NOON).manifest
    assert manifest is not None
    file = exports.download(house, number, actor=OPERATOR, now=NOON)
    return b"".join(file.chunks()).decode(), manifest["excluded"]


def test_an_erased_persons_no_survives_and_meets_the_same_address_in_another_spelling(house: House) -> None:
    """OBJ-6, T8, T9: erased, imported again under another number with a signed form, and still not written to."""
    says(house, "K1", said(None, Act.OBJECTED, scope=Scope.MARKETING))
    erased(house, "K1")
    erased(house, "K2")
    spelt = "a\u0308NNE.gross@BU\u0308CHER.example".replace("a\u0308", "ae")
    taken_in(house, f"{HEAD}\nK9;Gross;{spelt};;;;01.03.2026\n")

    text, excluded = exported(house)

    assert text.count("@example.org") == len(OTHERS)
    assert "gross" not in text.lower()
    assert excluded == {"address_blocked": 1}


def test_a_file_of_refusals_blocks_addresses_too_and_frees_none(house: House) -> None:
    """OBJ-6, OBJ-10: an opt-out list meets whoever shares the address, and a list of yeses changes nothing."""
    says(house, "K3", said("newsletter", Act.WITHDRAWN, channel=Channel.EMAIL, at=NOON - 3 * DAY))
    head = "Kundennr;Zweck;Kanal;Antwort;Datum;Nachweis;Fassung"
    text = f"{head}\nK1;Werbung;;nein;;;\nK2;newsletter;email;nein;01.06.2026;;\n"
    text += "K3;newsletter;email;ja;01.06.2026;Formular 3;2026-11\n"

    dry = import_consents(house, BytesIO(text.encode()), actor=OPERATOR, now=NOON, dry_run=True)
    assert blocked(house, "phone", PHONE) == []
    done = import_consents(house, BytesIO(text.encode()), actor=OPERATOR, now=NOON)

    assert dry.denied == done.denied == 2
    assert blocked(house, "phone", PHONE) == blocked(house, "email", EMAIL) == EVERY
    assert blocked(house, "email", "max@example.org") == ["newsletter"]


def test_one_persons_no_keeps_a_shared_address_out_of_the_file(house: House) -> None:
    """OBJ-11: two contacts, one mailbox; one objects, neither is written to."""
    for reference in ("K1", "K2"):
        whole = said("personalised_offers", at=NOON - DAY)
        says(house, reference, whole, said("personalised_offers", channel=Channel.EMAIL, at=NOON - DAY))
    says(house, "K2", said("personalised_offers", Act.OBJECTED, channel=Channel.EMAIL))

    text, excluded = exported(house)

    assert text.count("@example.org") == len(OTHERS)
    assert "gross" not in text.lower()
    assert excluded == {"address_blocked": 1, "channel_refused": 1}


def test_a_no_and_a_yes_on_one_address_at_once_end_with_the_no_in_force(house: House) -> None:
    """OBJ-11: whichever comes first in the log, K2's no stands on the address that K1 frees."""
    for step in range(12):
        at = NOON + timedelta(hours=step)
        start = threading.Barrier(2)
        says(house, "K1", said("newsletter", Act.WITHDRAWN, channel=Channel.EMAIL, at=at), now=at)
        says(house, "K2", said("newsletter", channel=Channel.EMAIL, at=at + timedelta(minutes=5)), now=at + DAY)
        again, no = (
            said("newsletter", channel=Channel.EMAIL, at=at + timedelta(minutes=30)),
            said("newsletter", Act.WITHDRAWN, channel=Channel.EMAIL, at=at + timedelta(minutes=30)),
        )

        def speak(reference: str, what: Declaration, start: threading.Barrier = start) -> None:
            start.wait()
            says(house, reference, what, now=NOON + 30 * DAY)

        threads = [threading.Thread(target=speak, args=each) for each in (("K1", again), ("K2", no))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert blocked(house, "email", EMAIL) == ["newsletter"]
