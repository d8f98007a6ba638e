"""Receipts of one person: the same each time, provable without a database, readable on paper, and nobody else's."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from api.i18n import Tongue, tongues
from api.wiring import House
from api.workflows import home, receipts
from api.workflows.consents import import_consents
from api.workflows.declaring import Subject, declare, find
from api.workflows.receipt_page import period, receipt_page
from api.workflows.receipt_pdf import receipt_pdf
from audit import log
from audit.database import Database
from audit.errors import NotFound, ProofRefused
from audit.verify import verify_proof
from consent.notices import notice_hash
from governance.catalogue import parse_catalogue
from governance.vocabulary import OPERATOR, Act, Channel, Language, Scope, Source
from tests.builders import default_catalogue
from tests.consent.test_receipts import strict
from tests.small_world import DAY, NOON, a_small_world, said

PERSONAL = ("ada", "muster1", "ada.muster1@example.org", "K0001", "+4930231250")
SPEAKING = tongues("Europe/Berlin")
Languages = pytest.mark.parametrize("language", ["de", "en"])


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Three contacts who consented to offers; the catalogue is on record."""
    made = a_small_world(tmp_path / "home", database_url, people=3, gold=1)
    home.note_catalogue(made, actor=OPERATOR, now=NOON - 2 * DAY)
    yield made
    made.close()


def subject(house: House, number: int = 1) -> Subject:
    return find(house, f"K{number:04d}")


def shown(house: House, language: Language = "de") -> bytes:
    """The hash of the notice of personalised offers."""
    return notice_hash(house.catalogue.purposes["personalised_offers"].notice.text.in_language(language))


def a_receipt(house: House, act: Act = Act.RENEWED, **more: Any) -> int:
    """Somebody declares something by the portal; the number of the declaration."""
    given: dict[str, Any] = {"at": NOON, "channel": Channel.EMAIL, "notice": shown(house)}
    purpose, received_at = more.pop("purpose", "personalised_offers"), more.pop("received_at", None)
    declared = said(purpose, act, **(given | more))
    declared = replace(declared, received_at=received_at or declared.received_at)
    declare(house, subject(house), [declared], actor=OPERATOR, now=NOON)
    return receipts.receipts(house, subject(house)).lines[0].seq


def test_every_declaration_has_a_receipt_newest_first(house: House) -> None:
    """CON-13: after each event; what it was in both languages."""
    seq = a_receipt(house)

    lines = receipts.receipts(house, subject(house)).lines

    assert [line.seq for line in lines] == [seq, 2, 1]
    assert lines[0].title.de == "Einwilligung erneuert: Persönlich zugeschnittene Angebote, E-Mail"
    assert lines[0].title.en == "Consent renewed: Personalised offers, e-mail"
    assert json.loads(json.dumps(lines[0].to_json()))["notice"] == shown(house).hex()


def test_a_receipt_is_the_same_bytes_each_time_and_never_names_the_person(house: House) -> None:
    """T37: the person is a handle; a file kept for years equals the one fetched today (CON-13)."""
    seq = a_receipt(house)

    data = receipts.receipt_json(house, subject(house), seq)

    assert data == receipts.receipt_json(house, subject(house), seq)
    text = data.decode().lower()
    assert not [word for word in PERSONAL if word.lower() in text.replace("muster großhandel", "")]
    document = strict(data)
    assert (
        document["dpv:hasRecordOfActivity"][0]["dpv:hasNotice"][0]["dct:identifier"] == f"sha256:{shown(house).hex()}"
    )


def test_the_handles_of_two_people_have_nothing_in_common(house: House) -> None:
    """Numbers come from each person's own random pseudonym and do not show it."""
    handles = set()
    for number in (1, 2):
        [newest, *_] = receipts.receipts(house, subject(house, number)).lines
        document = json.loads(receipts.receipt_json(house, subject(house, number), newest.seq))
        handle = document["dpv:hasRecordOfActivity"][0]["dpv:hasDataSubject"]["@id"]
        assert subject(house, number).pseudonym.hex() not in handle.replace("-", "")
        handles |= {handle, document["@id"], document["dpv:hasRecordOfActivity"][0]["@id"]}
    assert len(handles) == 6


def test_somebody_else_s_receipt_is_not_found(house: House) -> None:
    """SEC-4: the number of another person's declaration opens nothing, nor does one that nobody has."""
    seq = a_receipt(house)

    for whose, number in ((2, seq), (1, 3), (1, 999)):
        for ask in (receipts.receipt_json, lambda *given: receipts.proof_of(*given, now=NOON)):
            with pytest.raises(NotFound):
                ask(house, subject(house, whose), number)
        with pytest.raises(NotFound):
            receipt_pdf(house, subject(house, whose), number, SPEAKING["de"])


def test_a_receipt_tells_of_the_catalogue_in_force_then(house: House) -> None:
    """Another name or address later changes no receipt that was given (Article 7(1) GDPR)."""
    seq = a_receipt(house)
    before = receipts.receipt_json(house, subject(house), seq)
    text = default_catalogue().replace("Muster Großhandel GmbH", "Umbenannt GmbH").replace("P24M", "P36M")
    later = replace(house, catalogue=parse_catalogue(text))
    home.note_catalogue(later, actor=OPERATOR, now=NOON + DAY)

    assert receipts.receipt_json(later, subject(later), seq) == before
    declare(later, subject(later), [said(None, Act.OBJECTED, at=NOON + 2 * DAY, scope=Scope.MARKETING)],
            actor=OPERATOR, now=NOON + 2 * DAY)  # fmt: skip
    [newest, *_] = receipts.receipts(later, subject(later)).lines
    assert b"Umbenannt GmbH" in receipts.receipt_json(later, subject(later), newest.seq)


def test_the_proof_file_verifies_without_a_database(house: House) -> None:
    """The fact of the declaration is in the log; the log's public key is all it takes (Article 7(1) GDPR)."""
    seq = a_receipt(house)
    data = receipts.proof_of(house, subject(house), seq, now=NOON + timedelta(hours=1))
    key = house.signer.vkey

    proven = verify_proof(data, [key])

    assert (proven.fact.kind, proven.fact.body["declaration"]) == ("consent:renewed", seq)
    assert proven.fact.body["notice"] == shown(house)
    assert receipts.proof_of(house, subject(house), seq, now=NOON + DAY) == data
    with pytest.raises(ProofRefused):
        verify_proof(data.replace(b"index", b"indez", 1), [key])


def test_an_imported_declaration_is_proven_by_the_fact_of_its_file(house: House, tmp_path: Path) -> None:
    """One fact for the file; it holds numbers of rows and counts, nothing of anybody else."""
    file = tmp_path / "consents.csv"
    head, more = "Kundennr;Zweck;Kanal;Antwort;Datum;Nachweis;Fassung\n", ";newsletter;E-Mail;ja;01.02.2026;Messe;1\n"
    file.write_text(head + f"K0001{more}K0002{more}", encoding="utf-8")
    import_consents(house, file, None, actor=OPERATOR, now=NOON)
    [newest, *_] = receipts.receipts(house, subject(house)).lines

    proven = verify_proof(receipts.proof_of(house, subject(house), newest.seq, now=NOON), [house.signer.vkey])

    assert newest.place is not None
    assert newest.place.bulk
    assert proven.fact.kind == "consents:imported"
    assert proven.fact.body["first"] <= newest.seq <= proven.fact.body["last"]  # type: ignore[operator]


def test_looking_at_receipts_writes_nothing_and_the_desk_s_look_is_one_fact(house: House) -> None:
    """SEC-2; who reads about somebody else leaves a trace, without saying whom (ACC-8)."""
    seq = a_receipt(house)
    before = size(house.work)
    receipts.receipts(house, subject(house))
    receipts.receipt_json(house, subject(house), seq)
    receipt_pdf(house, subject(house), seq, SPEAKING["de"])
    assert size(house.work) == before

    receipts.note_view(house, subject(house), actor=OPERATOR, now=NOON)

    with house.work.reading() as connection:
        [entry] = log.entries(connection, limit=1)
    assert (entry.kind, dict(entry.body)) == ("subject:viewed", {"view": "receipts"})


def size(work: Database) -> int:
    with work.reading() as connection:
        return log.size(connection)


def paper(house: House, seq: int, tongue: Tongue) -> PdfReader:
    return PdfReader(io.BytesIO(receipt_pdf(house, subject(house), seq, tongue)))


@Languages
def test_the_pdf_is_tagged_titled_and_says_which_version_was_shown(house: House, language: Language) -> None:
    """PDF/UA-1: a screen reader finds structure, title and language; the notice stands in it word for word (CON-1)."""
    seq = a_receipt(house)
    tongue = SPEAKING[language]
    page = receipt_page(house, subject(house), seq, tongue)

    found = paper(house, seq, tongue)

    root: Any = found.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert root["/Lang"] == language
    assert found.metadata is not None
    assert found.metadata.title == page.title
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert b"pdfuaid:part>1" in root["/Metadata"].get_data()
    text = " ".join(" ".join(one.extract_text() for one in found.pages).split())
    [notice] = page.notices
    assert page.title.split(":")[0] in text
    assert notice.version in text
    assert notice.digest in text
    assert notice.text.split("\n")[0][:60] in text


def test_the_pdf_is_the_same_each_time_and_holds_the_receipt_for_machines(house: House) -> None:
    """No clock and no font of the machine; the JSON-LD is attached (PDF/A-3)."""
    seq = a_receipt(house)

    found = paper(house, seq, SPEAKING["de"])

    assert receipt_pdf(house, subject(house), seq, SPEAKING["de"]) == receipt_pdf(
        house, subject(house), seq, SPEAKING["de"]
    )
    assert found.attachments["receipt.jsonld"] == [receipts.receipt_json(house, subject(house), seq)]


def test_every_kind_of_declaration_becomes_paper(house: House) -> None:
    """Objections, withheld details, signals, and texts that Typst could take for commands."""
    acts: list[dict[str, Any]] = [
        {"purpose": None, "act": Act.OBJECTED, "scope": Scope.MARKETING, "source": Source.SIGNAL, "notice": None},
        {"act": Act.FIELD_WITHHELD, "field": "purchase_history", "notice": None},
        {"purpose": "sales_care", "act": Act.OBJECTED, "channel": Channel.PHONE, "notice": None},
        {"purpose": "newsletter", "act": Act.REFUSED, "notice": b"#" * 32},
    ]
    for n, more in enumerate(acts):
        seq = a_receipt(house, at=NOON - timedelta(minutes=n), **({"channel": None} | more))
        for tongue in SPEAKING.values():
            assert len(paper(house, seq, tongue).pages) >= 1


def test_a_late_letter_has_both_of_its_times(house: House) -> None:
    """When it was said and when it was received (CON-1)."""
    seq = a_receipt(house, Act.WITHDRAWN, at=NOON - 3 * DAY, received_at=NOON, notice=None)

    page = receipt_page(house, subject(house), seq, SPEAKING["en"])

    assert page.lead.replace("\u00a0", " ") == "Said on 19 Nov 2026, 13:00, received on 22 Nov 2026, 13:00."
    assert [one.language for one in page.notices] == ["en"]
    assert page.notices[0].text


def test_periods_are_words() -> None:
    """Nobody has to read ISO 8601."""
    english = SPEAKING["en"]

    assert period("P24M", english) == "24 months"
    assert period("P30D", english) == "30 days"
    assert period("P1Y6M3D", english) == "P1Y6M3D"


def test_a_notice_is_found_by_its_hash_with_the_other_language(house: House) -> None:
    """CON-1: byte for byte; INF-1: both languages are one version."""
    found = receipts.notice(house, shown(house))

    assert found.notice.text == house.catalogue.purposes["personalised_offers"].notice.text.de
    assert found.other == shown(house, "en")
    with pytest.raises(NotFound):
        receipts.notice(house, b"?" * 32)
