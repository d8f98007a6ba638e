"""One person's past: computed again, told for a day, and put together for an authority."""

from __future__ import annotations

import hashlib
import io
import json
import random
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from api.i18n import tongues
from api.wiring import House
from api.workflows.authority_bundle import Bundle, authority_bundle
from api.workflows.declaring import Subject
from api.workflows.log import read_log, verify_file
from api.workflows.person_state import state_on
from api.workflows.replaying import replay
from audit import verify as audit_verify
from audit.checkpoint import LogSigner
from audit.errors import BadInput, NotFound
from consent.ledger import declare
from governance.papers import Paper, lines_of
from governance.vocabulary import OPERATOR, Act, Role, Unit
from segmentation import membership
from tests.api.web import Served
from tests.small_world import DAY, NOON, RULES, a_small_world, run_scheme, said

ONE, TWO = (Subject(number, number.to_bytes(16, "big")) for number in (1, 2))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A small house with one scheme that ran."""
    made = a_small_world(tmp_path)
    run_scheme(made, RULES)
    yield made
    made.close()


def told(paper: Paper, part: str, line: str) -> list[str]:
    """The English values of one line."""
    [found] = [each for name, _, each in lines_of(paper) if name == (part, line)]
    return [value.en for value in found.values]


def kinds(house: House, count: int) -> list[str]:
    """Kinds of the newest facts about the person."""
    return [entry["kind"] for entry in read_log(house, subject=1, limit=count).entries]


def test_a_past_assignment_is_computed_again_and_is_the_same(house: House) -> None:
    """The stored result follows from the stored facts and the stored model alone (EXP-1; invariant 8)."""
    made = replay(house, "value", 1, actor=OPERATOR, now=NOON)
    assert made.same
    assert (made.scored, made.scored_again, made.effective) == ("gold", "gold", "gold")
    assert kinds(house, 1) == ["assignment:replayed"]


def test_a_record_that_was_altered_does_not_replay(house: House) -> None:
    """Whoever writes another segment into the record is found out (Article 5(1)(f) GDPR)."""
    with house.work.writing() as connection:
        layout = membership.live(connection, "value").model.layout
        record = connection.exec_driver_sql("SELECT record FROM assignment WHERE subject = 1").scalar_one()
        forged = np.frombuffer(record, dtype=layout.dtype).copy()
        forged["scored"] = forged["stable"] = forged["effective"] = 1
        change = "UPDATE assignment SET record = ? WHERE subject = 1"
        connection.exec_driver_sql(change, (forged.tobytes(),))
    made = replay(house, "value", 1, actor=OPERATOR, now=NOON)
    assert not made.same
    assert (made.scored, made.scored_again) == ("others", "gold")


def test_nobody_is_computed_again_who_has_no_record(house: House) -> None:
    """Whoever was not permitted has no record, and none is made up (Article 11 GDPR)."""
    with pytest.raises(NotFound):
        replay(house, "value", 9_999, actor=OPERATOR, now=NOON)


def test_the_state_of_a_day_is_what_held_then(house: House) -> None:
    """An objection of today does not change what was permitted yesterday (Article 21 GDPR; Article 5(2))."""
    later = NOON + 2 * DAY
    with house.work.writing() as connection:
        declare(connection, 1, [said("personalised_offers", Act.WITHDRAWN, at=later)], actor=OPERATOR, now=later)
    then = state_on(house, ONE, NOON.date(), actor=OPERATOR, now=later + timedelta(hours=1))
    after = state_on(house, ONE, later.date(), actor=OPERATOR, now=later + timedelta(hours=1))
    assert told(then, "permissions", "personalised_offers")[0] == "permitted"
    assert told(after, "permissions", "personalised_offers")[0] == "not permitted"
    assert told(then, "segments", "value")[:2] == ["Regulars", "run 1"]
    assert told(then, "exports", "none") == ["none"]


def test_before_the_run_there_was_no_segment(house: House) -> None:
    """What was computed later is not told of an earlier day (Article 5(1)(d) GDPR)."""
    paper = state_on(house, ONE, (NOON - 3 * DAY).date(), actor=OPERATOR, now=NOON)
    assert told(paper, "segments", "none") == ["none"]
    assert told(paper, "permissions", "personalised_offers")[0] == "not permitted"


def test_no_state_is_told_of_a_day_that_lies_ahead(house: House) -> None:
    """Nothing is foretold here."""
    with pytest.raises(BadInput):
        state_on(house, ONE, date(2031, 1, 1), actor=OPERATOR, now=NOON)


def test_looking_at_a_state_is_a_fact_about_the_person(house: House) -> None:
    """Whoever reads leaves a trace the person may ask for (C-579/21; LOG-13)."""
    state_on(house, ONE, NOON.date(), actor=OPERATOR, now=NOON)
    assert kinds(house, 1) == ["subject:viewed"]


def zipped(files: list[tuple[str, bytes]]) -> bytes:
    """A ZIP file of these."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of two members of one name
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


class TestBundle:
    """Everything about one person for an authority (Article 58(1)(e) GDPR)."""

    def opened(self, bundle: Bundle) -> dict[str, bytes]:
        """Its files."""
        with zipfile.ZipFile(io.BytesIO(bundle.data)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def made(self, house: House, subject: Subject = ONE, **more: Any) -> Bundle:
        """A bundle in English."""
        speaking = tongues("Europe/Berlin")["en"]
        return authority_bundle(house, subject, Unit.CONTACT, NOON.date(), speaking, actor=OPERATOR, now=NOON, **more)

    def test_every_proof_in_it_verifies_without_the_house(self, house: House) -> None:
        """LOG-8: the key in the file is all that is needed."""
        bundle = self.made(house)
        files = self.opened(bundle)
        key = files["key.txt"].decode().strip()
        proofs = [name for name in files if name.endswith(".lauter-proof")]
        assert len(proofs) == bundle.proofs >= 3
        for name in proofs:
            assert verify_file(files[name], key).ok, name

    def test_its_list_names_every_file_with_its_hash(self, house: House) -> None:
        """Nothing can be swapped or left out unnoticed (Article 5(1)(f) GDPR)."""
        files = self.opened(self.made(house))
        listed = json.loads(files.pop("contents.json"))["files"]
        files.pop("contents.lauter-proof")
        assert listed == {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}

    def test_the_whole_file_verifies_at_once(self, house: House, tmp_path: Path, capsys: Any) -> None:
        """One command, and an authority knows that these are the papers of then (LOG-8)."""
        bundle = self.made(house)
        found = verify_file(bundle.data, house.signer.vkey)
        assert found.ok, found.findings
        assert found.notes[0].startswith(f"{len(bundle.files) - 2} papers are those that were sealed")
        (tmp_path / "papers.zip").write_bytes(bundle.data)
        assert audit_verify.main([str(tmp_path / "papers.zip"), "--vkey", house.signer.vkey]) == 0
        assert "papers are those that were sealed" in capsys.readouterr().out
        assert not verify_file(bundle.data, LogSigner("other.example.org/log", b"\x05" * 32).vkey).ok

    @pytest.mark.parametrize("attack", ["swapped", "swapped with the list", "left out", "added", "twice", "of another"])
    def test_what_was_swapped_added_or_left_out_is_named(self, house: House, attack: str) -> None:
        """Also by somebody who mends the list: the list's hash stands in the log (LOG-8)."""
        files, other = self.opened(self.made(house)), self.opened(self.made(house, subject=TWO))
        if attack.startswith("swapped"):
            files["state.pdf"] += b" "
        if attack == "swapped with the list":
            listed = json.loads(files["contents.json"])
            listed["files"]["state.pdf"] = hashlib.sha256(files["state.pdf"]).hexdigest()
            files["contents.json"] = json.dumps(listed).encode()
        if attack == "left out":
            del files["record.pdf"]
        if attack == "added":
            files["more.txt"] = b"x"
        if attack == "of another":
            files |= {name: data for name, data in other.items() if name.startswith(("assignments/", "contents"))}
        data = zipped([*files.items(), *([("state.pdf", b"x")] if attack == "twice" else [])])

        found = verify_file(data, house.signer.vkey)

        assert not found.ok
        named = {"swapped with the list": "contents.json", "left out": "record.pdf", "added": "more.txt",
                 "twice": "two files", "swapped": "state.pdf", "of another": "declarations/"}  # fmt: skip
        assert named[attack] in found.findings[0]["what"]

    def test_no_altered_byte_passes(self, house: House) -> None:
        """Refused in words, or a byte that no paper is made of, such as the time of a member (LOG-8)."""
        bundle = self.made(house)
        whole = self.opened(bundle)
        rng = random.Random(7)
        for _ in range(150):
            data = bytearray(bundle.data)
            data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
            if verify_file(bytes(data), house.signer.vkey).ok:
                assert self.opened(replace(bundle, data=bytes(data))) == whole

    @pytest.mark.parametrize("data", [b"PK", b"PK\x03\x04" + b"\x00" * 40, b"PK\x05\x06" + b"\x00" * 18])
    def test_a_file_that_is_no_such_papers_is_refused(self, house: House, data: bytes) -> None:
        """Damaged or empty, it is refused in words."""
        assert not verify_file(data, house.signer.vkey).ok

    def test_it_tells_of_nobody_else(self, house: House) -> None:
        """EXP-3: the person's own data and nothing of their neighbours."""
        everything = b"".join(self.opened(self.made(house)).values())
        assert b"ada.muster2@" not in everything
        assert (2).to_bytes(16, "big").hex().encode() not in everything

    def test_making_it_is_a_fact_that_comes_before_its_contents(self, house: House) -> None:
        """Reading of personal data is logged though the making be interrupted (LOG-13)."""
        bundle = self.made(house)
        entry = read_log(house, kind="authority:bundle_made").entries[0]
        assert entry["index"] == bundle.entry

    def test_the_officer_makes_it_and_the_desk_does_not(self, served: Served) -> None:
        """Who answers an authority is the officer (Article 39(1)(d), (e) GDPR; GOV-7)."""
        for role, status in ((Role.DPO, 200), (Role.DESK, 403)):
            browser = served.browser(role)
            answer = browser.post(
                "/console/person", data=served.form(browser, unit="contact", reason="complaint", reference="K0001")
            )
            at = answer.headers["location"]
            assert browser.get(f"{at}/-/state").status_code == 200
            posted = browser.post(f"{at}/-/bundle", data=served.form(browser))
            assert posted.status_code == status
            again = browser.post(f"{at}/value/replay", data=served.form(browser))
            assert "Computed again: the same" in again.text
