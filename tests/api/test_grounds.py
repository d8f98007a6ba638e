"""Facts of § 7 UWG from the desk and from a file, calls, and the proof of § 7a UWG in one action."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from api.wiring import House
from api.workflows.consents import Said, declare_for
from api.workflows.ground_import import GroundImport, import_grounds
from api.workflows.grounds import GroundDone, Shown, end_ground, phone_proof, record_call, record_ground
from audit import log
from audit.errors import BadInput, NotFound
from consent.errors import GroundInvalid, PresumedForConsumer
from consent.grounds import CUSTOMER_FACTS, GroundKind
from consent.permission import decide_one
from governance.identity import Identity
from governance.vocabulary import OPERATOR, Act, Channel, Reason, Source, Unit
from tests.api.test_command_line import home, lauter  # noqa: F401 - fixtures
from tests.builders import NOON, a_house
from tests.consent.builders import a_subject

DAY = timedelta(days=1)
CANARY = "Kanarienvogel 4711"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """K-1 and K-2 are businesses, K-3 is a consumer."""
    made = a_house(tmp_path / "home", database_url)
    handles = {n: n.to_bytes(16, "big") for n in (1, 2, 3)}
    details = {"family_name": "Muster", "phone": "030 23125001", "email": "muster@example.org"}
    made.vault.store([(handle, Identity(Unit.CONTACT, f"K-{n}", details)) for n, handle in handles.items()])
    with made.work.writing() as connection:
        for number in (1, 2, 3):
            who = "consumer" if number == 3 else "business"
            a_subject(connection, number, informed_at=NOON - 90 * DAY, counterparty=who)
    yield made
    made.close()


def show(house: House, kind: GroundKind, reference: str = "K-1", **changes: Any) -> GroundDone:
    given: dict[str, Any] = {"purpose": "sales_care", "channel": Channel.EMAIL, "since": NOON - DAY, "evidence": CANARY}
    shown = Shown(kind=kind, **(given | changes))
    return record_ground(house, reference, shown, actor=OPERATOR, now=NOON)


def reason(house: House, number: int, channel: Channel = Channel.EMAIL) -> Reason:
    with house.work.reading() as connection:
        purpose = house.catalogue.purposes["sales_care"]
        return decide_one(connection, number, purpose, now=NOON, channel=channel).reason


def test_the_desk_records_fact_by_fact_and_is_told_what_is_missing(house: House) -> None:
    """§ 7(3) UWG: four pieces of evidence, then the channel is open; one found wrong closes it."""
    *first, last = CUSTOMER_FACTS
    for kind in first:
        done = show(house, kind)
    assert done.missing == (last.value,)
    assert not done.open

    done = show(house, last)
    assert (done.missing, done.open, reason(house, 1)) == ((), True, Reason.INTERESTS_PREVAIL)

    wrong = Shown("sales_care", Channel.EMAIL, GroundKind.OWN_SIMILAR_GOODS, NOON, "Prüfung vom 22.11.")
    ended = end_ground(house, "K-1", wrong, actor=OPERATOR, now=NOON)
    assert ended.missing == ("own_similar_goods",)
    assert ended.text["de"]
    assert reason(house, 1) is Reason.NO_EXPRESS_CONSENT


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"evidence": "  "}, GroundInvalid),
        ({"since": NOON + DAY}, GroundInvalid),
        ({"channel": Channel.POST}, GroundInvalid),
        ({"channel": Channel.SMS}, GroundInvalid),  # the purpose does not use it
        ({"purpose": "newsletter"}, GroundInvalid),  # rests on consent
        ({"purpose": "nonsense"}, NotFound),
        ({"reference": "K-9"}, NotFound),
    ],
)
def test_what_opens_nothing_is_not_recorded(house: House, changes: dict[str, Any], error: type[Exception]) -> None:
    """PRI-9, UWG-2: told at once, not found out when the mail is due."""
    with pytest.raises(error):
        show(house, GroundKind.ADDRESS_FROM_SALE, **changes)


def test_presumed_consent_needs_a_business_and_a_reason(house: House) -> None:
    """§ 7(2) no. 1 UWG: the reason is its evidence (UWG-3)."""
    presumed: dict[str, Any] = {"kind": GroundKind.PRESUMED_CONSENT, "channel": Channel.PHONE}
    with pytest.raises(GroundInvalid):
        show(house, **presumed, evidence="")
    with pytest.raises(PresumedForConsumer):
        show(house, **presumed, reference="K-3")

    assert show(house, **presumed, evidence="bat im Mai um Rückruf zu Regalen").open
    assert reason(house, 1, Channel.PHONE) is Reason.INTERESTS_PREVAIL


def test_evidence_lies_sealed(house: House, tmp_path: Path) -> None:
    """Article 32 GDPR: what shows a fact is nowhere to be read but in the proof."""
    show(house, GroundKind.ADDRESS_FROM_SALE)

    for path in tmp_path.rglob("*.db*"):
        assert CANARY.encode() not in path.read_bytes()


def consent_to_calls(house: House) -> None:
    letter = Said(Act.GIVEN, purpose="sales_care", channel=Channel.PHONE, evidence=CANARY.encode())
    declare_for(house, "K-3", letter, actor=OPERATOR, now=NOON)


def test_the_proof_of_a_consent_to_calls_is_one_document_in_one_action(house: House) -> None:
    """§ 7a(3) UWG, CON-11: what was shown, what was said, what documents it, each use, and until when."""
    consent_to_calls(house)
    later = NOON + timedelta(days=100)
    called = record_call(house, "K-3", "sales_care", called_at=later, actor=OPERATOR, now=later)
    assert (called.recorded, called.lawful, called.retain_until) == (1, True, "2032-03-02")
    assert record_call(house, "K-3", "sales_care", called_at=later, actor=OPERATOR, now=later).repeated == 1
    withdrawn = Said(Act.WITHDRAWN, purpose="sales_care", channel=Channel.PHONE, source=Source.SUBJECT)
    declare_for(house, "K-3", withdrawn, actor=OPERATOR, now=later)

    document = phone_proof(house, "K-3", actor=OPERATOR, now=later).to_json()

    json.dumps(document)
    [consent] = document["consents"]
    assert consent["evidence"] == {"text": CANARY}
    assert consent["notice"]["text"] == house.catalogue.purposes["sales_care"].notice.text.de
    assert consent["log_entry"] == 0
    assert [each["act"] for each in document["denials"]] == ["withdrawn"]
    assert [each["used_at"] for each in document["uses"]] == [later.isoformat()]
    assert document["retain_until"] == "2032-03-02"
    assert document["person"] == {"family_name": "Muster", "phone": "030 23125001"}
    with house.work.reading() as connection:
        [newest] = log.entries(connection, limit=1)
        assert (newest.kind, dict(newest.body)) == ("subject:viewed", {"view": "phone_proof"})
        assert CANARY.encode() not in newest.data
    assert reason(house, 3, Channel.PHONE) is Reason.CHANNEL_REFUSED
    assert "Muster" not in repr(phone_proof(house, "K-3", actor=OPERATOR, now=later))


def test_the_reasons_for_presumed_consent_are_in_the_proof(house: House) -> None:
    """§ 7(2) no. 1 UWG: the documented reason, and that it ended."""
    presumed = Shown("sales_care", Channel.PHONE, GroundKind.PRESUMED_CONSENT, NOON - DAY, CANARY)
    record_ground(house, "K-1", presumed, actor=OPERATOR, now=NOON)
    gone = Shown("sales_care", Channel.PHONE, GroundKind.PRESUMED_CONSENT, NOON, "Kein Bedarf mehr")
    end_ground(house, "K-1", gone, actor=OPERATOR, now=NOON)

    document = phone_proof(house, "K-1", actor=OPERATOR, now=NOON).to_json()

    assert [(each["holds"], each["evidence"]["text"]) for each in document["presumed"]] == [
        (True, CANARY),
        (False, "Kein Bedarf mehr"),
    ]
    assert (document["consents"], document["retain_until"]) == ([], None)


def test_a_call_that_was_not_permitted_is_written_down_all_the_same(house: House) -> None:
    """Article 5(2) GDPR: the record says what happened, and says that it must not happen again."""
    called = record_call(house, "K-3", "sales_care", actor=OPERATOR, now=NOON)

    assert (called.recorded, called.lawful, called.retain_until) == (1, False, None)
    with pytest.raises(GroundInvalid):
        record_call(house, "K-3", "sales_care", called_at=NOON + DAY, actor=OPERATOR, now=NOON)


# --- from a file ------------------------------------------------------------------------------------------------------

FILE = """Kundennr;Zweck;Kanal;Datum;Auftrag;Aehnliche Waren;Hinweis bei Erhebung;Hinweis je Mail;Grund;Rest
K-1;sales_care;E-Mail;01.03.2026;A-17;Regale;AGB 2026;Fußzeile 3;;x
K-2;sales_care;E-Mail;01.03.2026;A-18;;AGB 2026;Fußzeile 3;;x
K-2;sales_care;Telefon;01.03.2026;;;;;Messegespräch;x
K-3;sales_care;Telefon;01.03.2026;;;;;Messegespräch;x
K-9;sales_care;E-Mail;01.03.2026;A-19;Regale;AGB 2026;Fußzeile 3;;x
K-3;newsletter;E-Mail;01.03.2026;A-20;Regale;AGB 2026;Fußzeile 3;;x
K-3;sales_care;Brief;01.03.2026;A-21;Regale;AGB 2026;Fußzeile 3;;x
K-3;sales_care;E-Mail;01.03.2027;A-22;Regale;AGB 2026;Fußzeile 3;;x
K-3;sales_care;E-Mail;;A-23;Regale;AGB 2026;Fußzeile 3;;x
"""


def take_in(house: House, text: str = FILE, mapping: str | None = None, **more: Any) -> GroundImport:
    return import_grounds(house, BytesIO(text.encode()), mapping, actor=OPERATOR, now=NOON, **more)


def test_a_file_of_facts_opens_channels_where_every_evidence_is_there(house: House) -> None:
    """§ 7(3) UWG: a row without the evidence of one fact is refused whole, and told how to mend it."""
    result = take_in(house)

    assert (result.rows, result.recorded, result.refused, result.failed) == (9, 2, 2, 5)
    assert [(note.row, note.column, note.reason.value) for note in result.notes] == [
        (3, "own_similar_goods", "evidence_missing"),
        (5, "channel", "not_a_business"),
        (6, "reference", "person_unknown"),
        (7, "purpose", "not_opened_by_facts"),
        (8, "channel", "channel_unknown"),
        (9, "date", "date_in_future"),
        (10, "date", "date_missing"),
    ]
    assert reason(house, 1) is Reason.INTERESTS_PREVAIL
    assert reason(house, 2) is Reason.NO_EXPRESS_CONSENT
    assert reason(house, 2, Channel.PHONE) is Reason.INTERESTS_PREVAIL
    assert reason(house, 3, Channel.PHONE) is Reason.NO_EXPRESS_CONSENT
    assert all(note.to_json()["mend"]["de"].endswith(".") for note in result.notes)


def test_the_same_file_again_changes_nothing_and_a_dry_run_writes_nothing(house: House) -> None:
    """Idempotent, and told before."""
    assert take_in(house, dry_run=True).recorded == 2
    assert reason(house, 1) is Reason.NO_EXPRESS_CONSENT
    take_in(house)
    with house.work.reading() as connection:
        size = log.size(connection)

    again = take_in(house)

    assert (again.recorded, again.unchanged, again.number) == (0, 2, None)
    with house.work.reading() as connection:
        assert log.size(connection) == size == 1
        assert log.entries(connection)[0].kind == "grounds:imported"


def test_a_no_outlives_a_file_of_facts(house: House) -> None:
    """§ 7(3) no. 3 UWG: whoever objected stays unaddressed, whatever a system brings (T18)."""
    declare_for(house, "K-1", Said(Act.OBJECTED, purpose="sales_care", channel=Channel.EMAIL), actor=OPERATOR, now=NOON)

    assert take_in(house).recorded == 2

    assert reason(house, 1) is Reason.CHANNEL_REFUSED


MAPPED = """
kind = "grounds"
[columns]
reference = "nr"
address_from_sale = "beleg"
date = "am"
[constants]
purpose = "sales_care"
channel = "email"
own_similar_goods = "Sortiment 2026"
notice_at_collection = "AGB 2026, Nr. 7"
notice_at_each_use = "Fußzeile 3"
"""


def test_a_mapping_names_columns_and_what_is_the_same_in_every_row(house: House) -> None:
    """One form and one footer serve as evidence of many."""
    assert take_in(house, "nr;beleg;am\nK-1;R-1;2026-03-01\nK-2;;2026-03-01\n", MAPPED).recorded == 1
    assert reason(house, 1) is Reason.INTERESTS_PREVAIL
    for wrong in (MAPPED.replace("grounds", "consents"), MAPPED + '[columns.x]\ny = "z"\n', "[columns]\n"):
        with pytest.raises(BadInput):
            take_in(house, "nr;beleg;am\nK-1;R-1;2026-03-01\n", wrong)


# --- at the command line ----------------------------------------------------------------------------------------------


def test_the_command_line_records_calls_and_produces_the_proof(lauter: Any, home: Path, tmp_path: Path) -> None:  # noqa: F811
    """CON-11: the proof in one action, as one JSON document or as a file."""
    contacts = tmp_path / "contacts.csv"
    contacts.write_text("nr;mail;informiert\nK1;muster@example.org;01.03.2026\n", encoding="utf-8")
    mapping = tmp_path / "contacts.toml"
    mapping.write_text(
        'kind = "contacts"\n[columns]\nreference = "nr"\nemail = "mail"\ninformed = "informiert"\n'
        'counterparty = { constant = "business" }\n',
        encoding="utf-8",
    )
    assert lauter("import", "contacts", str(contacts), "--mapping", str(mapping))[0] == 0
    facts = tmp_path / "grounds.csv"
    facts.write_text("Kundennr;Zweck;Kanal;Datum;Grund\nK1;sales_care;phone;2026-01-10;Messe\n", encoding="utf-8")
    code, out, _ = lauter("import", "grounds", str(facts))
    assert (code, json.loads(out)["recorded"]) == (0, 1)
    about = ("--reference", "K1", "--purpose", "sales_care")
    email = ("--channel", "email", "--evidence", "A-17")
    assert lauter("subject", "ground", "record", "address_from_sale", *about, *email)[0] == 0
    code, out, _ = lauter("subject", "ground", "end", "address_from_sale", *about, *email)
    assert (code, json.loads(out)["open"]) == (0, False)
    assert lauter("subject", "ground", "record", "address_from_sale", *about, "--channel", "email")[0] == 2

    code, out, _ = lauter("subject", "call", *about, "--at", "2026-02-01T10:00+01:00")
    assert (code, json.loads(out)["recorded"]) == (0, 1)
    code, out, _ = lauter("subject", "proof", "--reference", "K1")
    document = json.loads(out)
    assert code == 0
    assert [use["used_at"] for use in document["uses"]] == [datetime(2026, 2, 1, 9, tzinfo=UTC).isoformat()]
    target = tmp_path / "proof.json"
    assert lauter("subject", "proof", "--reference", "K1", "-o", str(target), as_json=False)[0] == 0
    assert json.loads(target.read_text(encoding="utf-8"))["uses"] == document["uses"]
    assert lauter("subject", "proof", "--reference", "K9")[0] == 2
