"""Records made from what is in force: processing, evidence of a scheme, impact assessment, AI systems."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from pypdf import PdfReader

from api.i18n import tongues
from api.wiring import House
from api.workflows import activations, segments
from api.workflows.evidence import evidence_pack
from api.workflows.home import note_catalogue
from api.workflows.paper_pdf import paper_pdf
from api.workflows.papers import PaperKind, paper_of
from api.workflows.records import processing_record, record_changes
from audit.errors import NotFound
from governance.catalogue import Catalogue, parse_catalogue
from governance.papers import Paper, lines_of
from governance.record_words import period
from governance.vocabulary import OPERATOR, Role
from segmentation.errors import AssessmentMissing
from tests.api.web import Served
from tests.small_world import NOON, RULES, a_small_world, run_scheme

LATER = NOON + timedelta(days=3)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A small house with one scheme that ran."""
    made = a_small_world(tmp_path)
    note_catalogue(made, actor=OPERATOR, now=NOON)
    run_scheme(made, RULES)
    yield made
    made.close()


def told(paper: Paper, part: str, line: str) -> list[str]:
    """The English values of one line."""
    [found] = [each for name, _, each in lines_of(paper) if name == (part, line)]
    return [value.en for value in found.values]


def changed(catalogue: Catalogue, before: str, after: str) -> Catalogue:
    """The catalogue with one thing edited."""
    assert before in catalogue.document
    return parse_catalogue(catalogue.document.replace(before, after, 1))


def test_the_record_names_each_purpose_with_what_article_30_asks_for(house: House) -> None:
    """Article 30(1)(a) to (g) GDPR; GOV-1."""
    paper = processing_record(house, now=NOON)
    assert {part.key for part in paper.parts} == {
        "controller", "measures", *(f"purpose:{key}" for key in house.catalogue.purposes),
    }  # fmt: skip
    asked = {"basis", "people", "categories", "recipients", "transfers", "retention"}
    for key in house.catalogue.purposes:
        lines = {name[1] for name, _, _ in lines_of(paper) if name[0] == f"purpose:{key}"}
        assert asked <= lines
    assert told(paper, "purpose:personalised_offers", "schemes") == ["Customer value (value, rules)"]
    assert told(paper, "controller", "name") == [house.catalogue.controller.name]


def test_the_record_changes_when_the_catalogue_does(house: House) -> None:
    """Generated from live configuration, so that it cannot drift from it (Article 30 GDPR; GOV-1)."""
    edited = replace(house, catalogue=changed(house.catalogue, 'retention = "P24M"', 'retention = "P12M"'))
    note_catalogue(edited, actor=OPERATOR, now=NOON + timedelta(days=2))
    found = record_changes(edited, date(2026, 11, 24), now=LATER)
    assert found.known
    words = {(one.line.en, one.before[0].en, one.after[0].en) for one in found.changes if one.line.en == "Kept for"}
    assert words == {("Kept for", "24 months", "12 months")}
    assert not record_changes(edited, date(2026, 11, 25), now=LATER).changes


def test_before_any_catalogue_was_in_force_everything_is_new(house: House) -> None:
    """What was not there is not called unchanged (Article 30 GDPR)."""
    found = record_changes(house, date(2026, 1, 1), now=NOON)
    assert not found.known
    assert {one.word for one in found.changes} == {"added"}


def test_what_the_system_cannot_know_stays_open(house: House) -> None:
    """An impact assessment describes and leaves the judgement to people (Article 35(7) GDPR; GOV-2)."""
    paper = paper_of(house, PaperKind.IMPACT, "value", now=NOON)
    open_parts = {part.key for part, _ in paper.open_lines}
    assert {"necessity", "risks", "opinions"} <= open_parts
    assert [part.key for part in paper.parts] == [
        "criteria", "description", "necessity", "risks", "measures", "opinions",
    ]  # fmt: skip


def test_evidence_is_complete_when_everything_is_there_and_fits(house: House) -> None:
    """Article 5(2) GDPR; PRI-6."""
    pack = evidence_pack(house, "value", now=NOON)
    assert pack.complete, pack.to_json("en")["missing"]
    assert told(pack.paper, "definition", "digest_fits") == ["fits"]
    assert told(pack.paper, "run", "fits") == ["fits"]


def test_evidence_names_what_is_missing(house: House) -> None:
    """A version that nobody made active has no approval, and its run is of another version (PRI-6)."""
    document = RULES | {"scheme": "never_run"}
    segments.define(house, json.dumps(document), actor=OPERATOR, now=NOON, activate=False)
    pack = evidence_pack(house, "never_run", now=NOON)
    assert not pack.complete
    assert pack.to_json("en")["missing"] == ["definition.approval", "run.run"]


def test_an_altered_definition_does_not_pass_for_evidence(house: House) -> None:
    """Digests are computed again, not believed (Article 5(2) GDPR)."""
    with house.work.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE definition SET document = replace(document, '\"at_least\":3', '\"at_least\":2')"
        )
    pack = evidence_pack(house, "value", now=NOON)
    assert "definition.digest_fits" in pack.to_json("en")["missing"]


def test_an_expired_assessment_is_open(house: House) -> None:
    """A purpose without a valid balancing of interests rests on nothing (Article 6(1)(f) GDPR; PRI-7)."""
    run_scheme(house, RULES | {"scheme": "care", "purpose": "sales_care"})
    assert evidence_pack(house, "care", now=NOON).complete
    late = NOON.replace(year=2031)
    assert "purpose.assessment" in evidence_pack(house, "care", now=late).to_json("en")["missing"]


def test_rules_are_no_ai_system_and_learned_groups_are_treated_as_one(house: House) -> None:
    """Article 3(1) Regulation (EU) 2024/1689; GOV-9."""
    groups = {key: value for key, value in RULES.items() if key not in {"segments", "otherwise"}}
    run_scheme(house, groups | {"scheme": "groups", "kind": "kmeans", "kmeans": {"k": 2}})
    paper = paper_of(house, PaperKind.AI, now=NOON)
    assert told(paper, "scheme:value", "is_ai") == ["no"]
    assert told(paper, "scheme:groups", "is_ai") == ["yes, treated so as a precaution"]
    assert told(paper, "scheme:groups", "risk")


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_record_on_paper_has_a_structure_tree(house: House, language: str) -> None:
    """PDF/UA-1: whoever cannot see it can read it (Article 12(1) GDPR)."""
    speaking = tongues("Europe/Berlin")[language]  # type: ignore[index]
    data = paper_pdf(processing_record(house, now=NOON), speaking, now=NOON)
    root = PdfReader(io.BytesIO(data)).root_object
    assert "/StructTreeRoot" in root
    assert str(root["/Lang"]) == language
    assert data == paper_pdf(processing_record(house, now=NOON), speaking, now=NOON)


def test_a_record_is_about_a_scheme_or_about_the_house(house: House) -> None:
    """What does not exist is said to be missing, not made up."""
    for kind, scheme in ((PaperKind.EVIDENCE, None), (PaperKind.PROCESSING, "value"), (PaperKind.IMPACT, "nothing")):
        with pytest.raises(NotFound):
            paper_of(house, kind, scheme, now=NOON)


def test_periods_read_as_words() -> None:
    """Article 30(1)(f) GDPR: time limits that people understand."""
    assert [period(text).en for text in ("P24M", "P1M", "P2W", "PT12H", "P1Y6M")] == [
        "24 months", "1 month", "14 days", "12 hours", "18 months",
    ]  # fmt: skip


class TestOverHttp:
    """Pages and API for officer and auditor; nobody else (GOV-7)."""

    @pytest.mark.parametrize("path", ["/console/records", "/console/records/processing", "/console/records/ai",
                                      "/console/records/evidence/value", "/console/records/impact/value"])  # fmt: skip
    def test_the_officer_reads_every_record(self, served: Served, path: str) -> None:
        """Article 39(1)(b) GDPR."""
        assert served.browser(Role.DPO).get(path).status_code == 200
        assert served.browser(Role.MARKETING).get(path).status_code == 403

    def test_files_are_offered_as_pdf_and_json(self, served: Served) -> None:
        """Article 30(4) GDPR: made available to the authority on request."""
        officer = served.browser(Role.DPO)
        page = officer.get("/console/records/processing/file.pdf")
        assert page.content.startswith(b"%PDF-")
        assert officer.get("/console/records/evidence/value/file.json").json()["kind"] == "evidence"
        assert officer.get("/console/records/processing/file.exe").status_code == 404

    def test_the_api_tells_whether_evidence_is_complete(self, served: Served) -> None:
        """PRI-6."""
        caller = served.caller(Role.AUDITOR)
        answer = caller.get("/api/v1/schemes/value/evidence").json()
        assert {"complete", "missing", "parts"} <= set(answer)
        assert caller.get("/api/v1/records/processing/changes?since=2026-11-01").status_code == 200


def test_nothing_becomes_active_whose_assessment_is_over(house: House) -> None:
    """A missing item keeps a segment from becoming active (PRI-6, PRI-7, GOV-2; Article 35(11) GDPR)."""
    late = NOON.replace(year=2031)
    document = json.dumps(RULES | {"scheme": "care", "purpose": "sales_care"})
    with pytest.raises(AssessmentMissing, match="sales_care"):
        segments.define(house, document, actor=OPERATOR, now=late)
    segments.define(house, document, actor=OPERATOR, now=late, activate=False)
    with pytest.raises(AssessmentMissing):
        activations.request(house, "care", actor=OPERATOR, now=late)
    assert activations.request(house, "care", actor=OPERATOR, now=NOON).state == "active"
