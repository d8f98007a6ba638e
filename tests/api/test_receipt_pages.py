"""The portal's receipts over HTTP: one's own and nobody else's; files that can be kept; looking changes nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from pypdf import PdfReader
from sqlalchemy import MetaData, select
from starlette.testclient import TestClient

from api.portal.visits import VISIT
from api.workflows.declaring import declare
from api.workflows.receipts import receipt_json, receipts
from audit import log
from audit.verify import verify_proof
from consent.notices import notice_hash
from governance import visitors
from governance.visitors import LinkKind
from governance.vocabulary import OPERATOR, Act, Channel, Scope
from tests.api.test_receipts import PERSONAL, subject
from tests.api.web import Served, serve
from tests.conftest import WORK_TABLES
from tests.small_world import NOON, said

PAGES = ("/portal/receipts", "/portal/receipts/{n}", "/portal/receipts/{n}.json", "/portal/receipts/{n}.pdf",
         "/portal/receipts/{n}.lauter-proof")  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A served house in which K0001 renewed a consent and objected to profiling."""
    made = serve(tmp_path_factory.mktemp("receipts"), people=20, gold=12)
    shown = notice_hash(made.house.catalogue.purposes["personalised_offers"].notice.text.de)
    declared = [
        said("personalised_offers", Act.RENEWED, at=NOON, channel=Channel.EMAIL, notice=shown),
        said(None, Act.OBJECTED, at=NOON, scope=Scope.PROFILING),
    ]
    declare(made.house, subject(made.house), declared, actor=OPERATOR, now=NOON)
    yield made
    made.house.close()


def visitor(served: Served, number: int | None = 1, language: str = "en") -> TestClient:
    """A browser of somebody who came in by a link; None: nobody came in."""
    client = TestClient(
        served.app, base_url="http://127.0.0.1:8080", headers={"accept-language": language}, follow_redirects=False
    )
    if number is not None:
        with served.house.work.writing() as connection:
            secret = visitors.make_link(connection, kind=LinkKind.MAIL, subject=number, address=None, now=served.now)
            link = visitors.use(connection, secret, now=served.now)
            assert link is not None
            client.cookies.set(VISIT, visitors.begin_session(connection, link, now=served.now))
    return client


def newest(served: Served) -> int:
    return receipts(served.house, subject(served.house)).lines[1].seq


def everything(served: Served) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the work database but the visits, which slide on."""
    tables: list[MetaData] = list(WORK_TABLES)
    with served.house.work.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for metadata in tables
            for table in metadata.sorted_tables
            if table.name != "portal_session"
        }


def test_the_list_and_a_receipt_in_both_languages(served: Served) -> None:
    """UX-3: no mixed language; the list leads to each receipt, the receipt to its notice."""
    seq = newest(served)
    english, german = visitor(served), visitor(served, language="de")

    page = english.get("/portal/receipts")
    assert page.status_code == 200
    assert f'href="/portal/receipts/{seq}"' in page.text
    assert "Consent renewed: Personalised offers, e-mail" in page.text
    one = english.get(f"/portal/receipts/{seq}").text
    assert '<html lang="en"' in one
    assert "Data protection officer" in one
    assert "Einwilligung erneuert" in german.get(f"/portal/receipts/{seq}").text
    digest = notice_hash(served.house.catalogue.purposes["personalised_offers"].notice.text.de).hex()
    assert f'href="/portal/notices/{digest}"' in one


def test_the_files_are_the_receipt_the_paper_and_the_proof(served: Served) -> None:
    """CON-13: each can be kept, and is not kept by anybody on the way (ASVS 14.3.2)."""
    seq, client = newest(served), visitor(served)

    document = client.get(f"/portal/receipts/{seq}.json")
    paper = client.get(f"/portal/receipts/{seq}.pdf")
    proof = client.get(f"/portal/receipts/{seq}.lauter-proof")

    assert document.content == receipt_json(served.house, subject(served.house), seq)
    assert document.headers["content-type"] == "application/ld+json"
    assert "Consent renewed" in PdfReader(io.BytesIO(paper.content)).pages[0].extract_text()
    assert verify_proof(proof.content, [served.house.signer.vkey]).fact.body["declaration"] == seq
    for answer in (document, paper, proof):
        assert answer.headers["content-disposition"].startswith("attachment; filename=")
        assert answer.headers["cache-control"] == "no-store"


def test_nobody_gets_in_without_a_visit_and_nobody_gets_another_s(served: Served) -> None:
    """SEC-4: to the door without a visit; with one, another's number is not found, like one that nobody has."""
    seq = newest(served)
    nobody, other = visitor(served, None), visitor(served, 2)

    for path in PAGES:
        answer = nobody.get(path.format(n=seq))
        assert (answer.status_code, answer.headers["location"]) == (303, "/portal")
    for path in PAGES[1:]:
        for number in (seq, 10**30):
            answer = other.get(path.format(n=number))
            assert answer.status_code == 404
            assert not [word for word in PERSONAL if word in answer.text]
    assert f"/portal/receipts/{seq}" not in other.get("/portal/receipts").text


def test_a_notice_is_shown_byte_for_byte_and_leads_to_the_other_language(served: Served) -> None:
    """CON-1, INF-1: what the hash is of can be fetched; the page marks the language of the text."""
    text = served.house.catalogue.purposes["personalised_offers"].notice.text
    client = visitor(served)

    page = client.get(f"/portal/notices/{notice_hash(text.de).hex()}").text
    raw = client.get(f"/portal/notices/{notice_hash(text.de).hex()}.txt")

    assert raw.content == text.de.encode()
    assert notice_hash(raw.content.decode()) == notice_hash(text.de)
    assert 'lang="de"' in page
    assert f"/portal/notices/{notice_hash(text.en).hex()}" in page
    assert client.get(f"/portal/notices/{'0' * 64}").status_code == 404
    assert client.get("/portal/notices/canary.person@example.org").status_code == 404
    assert "canary" not in client.get("/portal/notices/canary.person@example.org").text


def test_looking_writes_nothing_but_the_signature_of_the_log(served: Served) -> None:
    """SEC-2: safe methods have no effects; HEAD neither."""
    seq, client = newest(served), visitor(served)
    client.get(PAGES[-1].format(n=seq))  # signs the log once
    before, size = everything(served), log_size(served)

    for path in (*PAGES, "/portal/notices/" + "0" * 64):
        client.get(path.format(n=seq))
        client.head(path.format(n=seq))

    assert everything(served) == before
    assert log_size(served) == size


def log_size(served: Served) -> int:
    with served.house.work.reading() as connection:
        return log.size(connection)


def test_who_declared_nothing_reads_why_the_list_is_empty(served: Served) -> None:
    """A page never just ends; odd page numbers are the first page (LOOK)."""
    client = visitor(served, 2)
    assert "Consent given" in client.get("/portal/receipts?page=0").text
    for odd in ("x", "-1", "9" * 40, "٣"):
        assert client.get("/portal/receipts", params={"page": odd}).status_code == 200
    assert "have not declared anything" in client.get("/portal/receipts?page=77").text
