"""Exports, end to end: asked for, approved, built, decided again, handed out."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api.wiring import House
from api.workflows import export_requests, exports
from api.workflows.export_files import CellsTooSmall, Download, ExportExpired, ExportNotReady, ExportStale
from api.workflows.export_requests import ApprovalRefused
from audit import log
from audit.errors import BadInput, LauterError
from consent.ledger import declare
from governance.errors import FieldNotPermitted
from governance.vocabulary import OPERATOR, Act, Actor, Role, Scope
from segmentation.errors import PurposeMismatch, SegmentUnknown
from segmentation.export_request import ChannelRefused, RecipientRefused
from tests.small_world import NOON, RULES, a_small_world, run_scheme, said

MARKETING = Actor(Role.MARKETING, "a1")
OFFICER = Actor(Role.DPO, "b2")


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """Sixty contacts, thirty of them in gold, on both engines."""
    made = a_small_world(tmp_path, database_url)
    run_scheme(made, RULES)
    yield made
    made.close()


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[House]:
    """The same on SQLite, where the engine does not matter."""
    made = a_small_world(tmp_path)
    run_scheme(made, RULES)
    yield made
    made.close()


def a_request(**changes: Any) -> str:
    document: dict[str, Any] = {
        "purpose": "personalised_offers",
        "scheme": "value",
        "segments": ["gold"],
        "recipient": {"name": "Versandhaus Muster GmbH", "country": "DE", "role": "processor"},
        "channel": "email",
        "fields": ["contact.given_name", "contact.company_name", "contact.email", "annual_revenue"],
        "valid": "P7D",
        "mode": "contact_points",
        "language": "de",
    }
    document.update(changes)
    return json.dumps({key: value for key, value in document.items() if value is not ...})


PSEUDONYMOUS: dict[str, Any] = {"mode": "pseudonyms", "channel": ..., "fields": ["customer_since"]}


def built(house: House, **changes: Any) -> int:
    number = export_requests.request(house, a_request(**changes), actor=MARKETING, now=NOON).number
    export_requests.approve(house, number, actor=OFFICER, now=NOON)
    exports.build(house, number, actor=MARKETING, now=NOON)
    return number


def downloaded(house: House, number: int) -> Download:
    return exports.download(house, number, actor=MARKETING, now=NOON)


def rows_of(download: Download) -> list[dict[str, str]]:
    text = b"".join(download.chunks()).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def object_to_marketing(house: House, subject: int) -> None:
    with house.work.writing() as connection:
        declaration = said(None, Act.OBJECTED, at=NOON, scope=Scope.MARKETING)
        declare(connection, subject, [declaration], actor=OPERATOR, now=NOON)


def kinds(house: House) -> list[str]:
    with house.work.reading() as connection:
        return [entry.kind for entry in log.entries(connection, limit=20)]


def test_an_export_leaves_with_the_bytes_its_manifest_names(house: House) -> None:
    """Counts add up, the hash holds, and the log says it left before the first byte did (XPT-2, OBJ-3)."""
    number = built(house)

    file = downloaded(house, number)

    state = export_requests.export_of(house, number)
    assert state.manifest is not None
    manifest = state.manifest
    assert manifest["included"] + sum(manifest["excluded"].values()) == manifest["input"] == 30
    assert hashlib.sha256(b"".join(file.chunks())).hexdigest() == file.sha256 == manifest["sha256"]
    assert state.state == "released"
    assert export_requests.gate(house, number, now=NOON).open
    assert kinds(house)[:4] == ["export:released", "export:built", "export:approved", "export:requested"]
    rows = rows_of(file)
    assert len(rows) == 30
    assert rows[0]["Segmentname"] == "Stammkundschaft"
    assert {row["E-Mail"] for row in rows} == {f"ada.muster{n}@example.org" for n in range(1, 31)}
    assert {row["Firma"] for row in rows} == {"Muster GmbH", "'=1+1 GmbH"}
    assert all(row["Jahresumsatz des Unternehmens (EUR)"].startswith("50000.") for row in rows)


def test_two_exports_of_the_same_people_share_no_pseudonym_and_no_order(quick: House) -> None:
    """Nobody can lay one file beside the other (PSE-3, T4)."""
    first = rows_of(downloaded(quick, built(quick)))
    second = rows_of(downloaded(quick, built(quick)))

    assert not {row["Pseudonym"] for row in first} & {row["Pseudonym"] for row in second}
    assert [row["E-Mail"] for row in first] != [row["E-Mail"] for row in second]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"purpose": ...}, "$.purpose"),
        ({"recipient": ...}, "$.recipient"),
        ({"recipient": {"country": "DE", "role": "processor"}}, "$.recipient.name"),
        ({"recipient": {"name": "X", "country": "DE"}}, "$.recipient.role"),
        ({"recipient": {"name": "X", "country": "Germany", "role": "processor"}}, "$.recipient.country"),
        ({"channel": ...}, "$.channel"),
        ({"fields": ...}, "$.fields"),
        ({"fields": ["contact.given_name"]}, "$.fields"),
        ({"fields": ["contact.email", "everything"]}, "$.fields[1]"),
        ({"fields": ["contact.email", "purchase_history"]}, "$.fields[1]"),
        ({"valid": ...}, "$.valid"),
        ({"valid": "P10Y"}, "$.valid"),
        ({"valid": "soon"}, "$.valid"),
        ({"mode": "everything"}, "$.mode"),
        ({"segments": []}, "$.segments"),
        ({"limit": 5}, "$"),
    ],
)
def test_what_is_missing_is_named_with_its_path(quick: House, changes: dict[str, Any], path: str) -> None:
    """No export without purpose, recipient, fields and an end (XPT-1)."""
    with pytest.raises(BadInput) as refusal:
        export_requests.request(quick, a_request(**changes), actor=MARKETING, now=NOON)

    assert f" {path} " in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"fields": ["contact.email", "contact.phone"]}, FieldNotPermitted),
        ({"fields": ["contact.email", "satisfaction_secret"]}, BadInput),
        (PSEUDONYMOUS | {"fields": ["contact.email"]}, FieldNotPermitted),
        ({"channel": "phone", "fields": ["contact.phone"]}, ChannelRefused),
        ({"purpose": "newsletter", "fields": ["contact.email"]}, PurposeMismatch),
        ({"segments": ["platinum"]}, SegmentUnknown),
        ({"recipient": {"name": "X Inc", "country": "US", "role": "processor"}}, RecipientRefused),
    ],
)
def test_what_the_purpose_does_not_permit_is_refused(
    quick: House, changes: dict[str, Any], refusal: type[LauterError]
) -> None:
    """Purpose, channel, field and country each have their own no (Articles 5, 44 GDPR, XPT-1, XPT-6)."""
    with pytest.raises(refusal):
        export_requests.request(quick, a_request(**changes), actor=MARKETING, now=NOON)


def test_nobody_approves_their_own_request(quick: House) -> None:
    """Two people, or the operator at the command line, and then nobody is told of a second (REC-4, GOV-7, T36)."""
    number = export_requests.request(quick, a_request(), actor=MARKETING, now=NOON).number

    with pytest.raises(ApprovalRefused):
        export_requests.approve(quick, number, actor=MARKETING, now=NOON)
    with pytest.raises(ExportNotReady):
        exports.build(quick, number, actor=MARKETING, now=NOON)
    export_requests.approve(quick, number, actor=OFFICER, now=NOON)
    with pytest.raises(ApprovalRefused):
        export_requests.approve(quick, number, actor=OFFICER, now=NOON)

    own = export_requests.request(quick, a_request(), actor=OPERATOR, now=NOON).number
    assert export_requests.approve(quick, own, actor=OPERATOR, now=NOON).state == "approved"
    with quick.work.reading() as connection:
        waived, looked = log.entries(connection, kind="export:approved", limit=2)
    assert (waived.body["alone"], looked.body["alone"]) == (True, False)
    gate = export_requests.gate(quick, own, now=NOON)
    assert "no second person" in next(one.text.en for one in gate.conditions if one.key == "approved")


def test_whoever_objected_before_the_build_is_left_out_by_reason(house: House) -> None:
    object_to_marketing(house, 3)

    number = built(house)

    manifest = export_requests.export_of(house, number).manifest
    assert manifest is not None
    assert (manifest["included"], manifest["excluded"]) == (29, {"objected_to_marketing": 1})
    assert "ada.muster3@example.org" not in {row["E-Mail"] for row in rows_of(downloaded(house, number))}


def test_whoever_objected_after_the_build_stops_the_download(house: House) -> None:
    """Nothing of the file leaves, the refusal is in the log, and a new build leaves the person out (OBJ-3, T6)."""
    number = built(house)
    object_to_marketing(house, 3)

    with pytest.raises(ExportStale) as refusal:
        downloaded(house, number)

    assert "1" not in str(refusal.value).removeprefix(f"export {number}")  # a number would tell of one person
    assert kinds(house)[0] == "export:refused"
    exports.build(house, number, actor=MARKETING, now=NOON)
    assert len(rows_of(downloaded(house, number))) == 29


def test_a_repeated_download_decides_anew(quick: House) -> None:
    """Each retry is a release of its own (invariant 1)."""
    number = built(quick)
    assert downloaded(quick, number).sha256 == downloaded(quick, number).sha256
    object_to_marketing(quick, 3)

    with pytest.raises(ExportStale):
        downloaded(quick, number)
    with pytest.raises(ExportNotReady):
        exports.build(quick, number, actor=MARKETING, now=NOON)


def test_a_withheld_field_after_the_build_stops_the_download(quick: House) -> None:
    """Permission is per cell: the value may not leave any more, though the person may."""
    number = built(quick)
    with quick.work.writing() as connection:
        withheld = said("personalised_offers", Act.FIELD_WITHHELD, at=NOON, field="annual_revenue")
        declare(connection, 5, [withheld], actor=OPERATOR, now=NOON)

    with pytest.raises(ExportStale):
        downloaded(quick, number)
    exports.build(quick, number, actor=MARKETING, now=NOON)
    row = next(row for row in rows_of(downloaded(quick, number)) if row["E-Mail"] == "ada.muster5@example.org")
    assert row["Jahresumsatz des Unternehmens (EUR)"] == ""


def test_an_address_on_the_block_list_is_left_out(house: House) -> None:
    """Also when it was blocked after the build (OBJ-6, OBJ-11)."""
    number = built(house)
    with house.work.writing() as connection:
        house.blocklist.add(connection, "email", "ADA.Muster7@example.org", now=NOON)

    with pytest.raises(ExportStale):
        downloaded(house, number)
    exports.build(house, number, actor=MARKETING, now=NOON)

    manifest = export_requests.export_of(house, number).manifest
    assert manifest is not None
    assert manifest["excluded"] == {"address_blocked": 1}
    assert len(rows_of(downloaded(house, number))) == 29


def test_an_erased_person_is_in_no_file(quick: House) -> None:
    """Without a key there is no address, whatever the tables say (Article 17 GDPR)."""
    number = built(quick)
    quick.vault.erase([(9).to_bytes(16, "big")], retain_evidence_until=None)

    with pytest.raises(ExportStale):
        downloaded(quick, number)


def test_after_its_validity_nothing_is_handed_out(quick: House) -> None:
    number = built(quick)

    exports.download(quick, number, actor=MARKETING, now=NOON + timedelta(days=6, hours=23))
    with pytest.raises(ExportExpired):
        exports.download(quick, number, actor=MARKETING, now=NOON + timedelta(days=7))


def test_a_pseudonymous_file_holds_no_name_and_no_number_of_the_house(house: House) -> None:
    file = downloaded(house, built(house, **PSEUDONYMOUS))

    text = b"".join(file.chunks()).decode()
    assert "muster" not in text.lower()
    assert "example.org" not in text
    assert not any((n).to_bytes(16, "big").hex() in text for n in range(1, 61))
    assert len(rows_of(file)) == 30


def test_quasi_identifiers_that_tell_people_apart_stop_a_pseudonymous_file(quick: House) -> None:
    """The revenue to the cent is as good as a name (PSE-6)."""
    with pytest.raises(CellsTooSmall):
        built(quick, **(PSEUDONYMOUS | {"fields": ["annual_revenue"]}))


def withdraw(house: House, subjects: range) -> None:
    with house.work.writing() as connection:
        for subject in subjects:
            gone = said("personalised_offers", Act.WITHDRAWN, at=NOON)
            declare(connection, subject, [gone], actor=OPERATOR, now=NOON)


@pytest.mark.parametrize(("gold", "gone"), [(12, range(1, 6)), (48, range(49, 54))])
def test_a_small_segment_and_a_small_rest_are_withheld_alike(tmp_path: Path, gold: int, gone: range) -> None:
    """Seven people, and all but seven (XPT-3, T12)."""
    made = a_small_world(tmp_path, gold=gold)
    run_scheme(made, RULES)
    assert built(made, **PSEUDONYMOUS)
    withdraw(made, gone)

    with pytest.raises(CellsTooSmall):
        built(made, **PSEUDONYMOUS)
    made.close()


def test_two_files_that_differ_by_one_person_do_not_both_reach_a_recipient(house: House) -> None:
    """Not when the second is built after the first left, and not when both were built before (invariant 6)."""
    first = built(house, **PSEUDONYMOUS)
    object_to_marketing(house, 3)
    second = built(house, **PSEUDONYMOUS)
    downloaded(house, second)

    with pytest.raises(LauterError):
        downloaded(house, first)
    object_to_marketing(house, 4)
    with pytest.raises(CellsTooSmall):
        built(
            house,
            **(
                PSEUDONYMOUS | {"recipient": {"name": "VERSANDHAUS  Muster-GmbH", "country": "DE", "role": "processor"}}
            ),
        )
    other = {"name": "Druckerei Beispiel GmbH", "country": "DE", "role": "processor"}
    assert built(house, **(PSEUDONYMOUS | {"recipient": other}))


def test_two_built_files_are_compared_again_when_the_second_leaves(quick: House) -> None:
    """Two schemes that differ by one person, both built before either left: only the first one leaves (T12)."""
    revenue = {"key": "revenue", "field": "annual_revenue"}
    one_more = {"any": [RULES["segments"][0]["rule"], {"feature": "revenue", "equals": 5_000_060}]}
    wider = RULES | {"scheme": "wider", "features": [*RULES["features"], revenue]}
    run_scheme(quick, wider | {"segments": [RULES["segments"][0] | {"rule": one_more}]})
    first, second = built(quick, **PSEUDONYMOUS), built(quick, **(PSEUDONYMOUS | {"scheme": "wider"}))

    assert len(rows_of(downloaded(quick, first))) == 30
    with pytest.raises(CellsTooSmall):
        downloaded(quick, second)


def test_the_file_is_never_at_rest(quick: House, tmp_path: Path) -> None:
    """After build and download no store of the house holds a rendered line."""
    number = built(quick)
    line = b"".join(downloaded(quick, number).chunks()).splitlines()[1]

    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert line not in path.read_bytes()


def test_no_race_between_objection_and_download_leaks_anybody(house: House) -> None:
    """Whoever objected at a smaller index of the log is in no released file (invariant 1, OBJ-3)."""
    for subject in range(1, 26):
        number = built(house)
        barrier = threading.Barrier(2)
        files: list[Download] = []

        def fetch(number: int = number, barrier: threading.Barrier = barrier, files: list[Download] = files) -> None:
            barrier.wait()
            try:
                files.append(downloaded(house, number))
            except ExportStale:
                return

        thread = threading.Thread(target=fetch)
        thread.start()
        barrier.wait()
        object_to_marketing(house, subject)
        thread.join()

        with house.work.reading() as connection:
            [objected] = [entry.index for entry in log.entries(connection, subject=subject, limit=1)]
        for file in files:
            named = f"ada.muster{subject}@example.org" in {row["E-Mail"] for row in rows_of(file)}
            assert named == (file.log_index < objected)
