"""Importing from a browser: by form and without a script; nothing of the file is spooled (PRI-3)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.security import LARGEST_BODY
from governance.tables import subject
from governance.vocabulary import Role
from tests.api.web import CANARY, Served, serve

MAPPING = """
kind = "contacts"
[columns]
reference = "Kundennr"
family_name = "Nachname"
"""
ROWS = "Kundennr;Nachname;Notiz\nN-1;Größe;" + CANARY + "\nN-2;Klein;x\n;Ohne;y\n"


@pytest.fixture
def served(tmp_path: Path) -> Served:
    made = serve(tmp_path)
    (made.house.settings.home / "mappings").mkdir()
    (made.house.settings.home / "mappings" / "crm.toml").write_text(MAPPING, encoding="utf-8")
    return made


def send(served: Served, browser: Any, rows: str | bytes = ROWS, **fields: str) -> Any:
    given = {"kind": "contacts", "mapping": "crm", "act": "import", "text": "", **fields}
    data = rows.encode() if isinstance(rows, str) else rows
    files = {"file": ("contacts of ada.csv", data, "text/csv")}
    return browser.post("/console/imports", data=served.form(browser, **given), files=files)


def people(served: Served) -> int:
    with served.house.work.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(subject)).scalar_one())


def test_a_steward_takes_in_a_file_and_reads_which_rows_failed(served: Served) -> None:
    """Row, column and how to mend it; never a value, never the file's name (Article 5(1)(c) GDPR)."""
    steward, before = served.browser(Role.STEWARD), people(served)

    answer = send(served, steward)

    assert answer.status_code == 200
    assert "Contacts: taken in" in answer.text
    assert people(served) == before + 2
    assert "Kundennr" in answer.text
    for secret in (CANARY, "Größe", "contacts of ada"):
        assert secret not in answer.text
        assert secret not in served.lines.getvalue()


def test_a_trial_writes_nothing(served: Served) -> None:
    steward, before = served.browser(Role.STEWARD), people(served)

    assert "Contacts: what would happen" in send(served, steward, act="preview").text
    assert people(served) == before


def test_a_proposed_mapping_stands_in_the_form_and_can_be_used_as_it_is(served: Served) -> None:
    """Proposed from headers and shapes, read by a person, then used."""
    steward, before = served.browser(Role.STEWARD), people(served)

    page = send(served, steward, act="suggest", mapping="").text
    proposed = page.split("<textarea", 1)[1].split(">", 1)[1].split("</textarea>", 1)[0]
    proposed = proposed.replace("&#34;", '"').replace("&quot;", '"').replace("&#39;", "'")

    assert "Kundennr" in proposed
    assert CANARY not in page
    assert "taken in" in send(served, steward, mapping="-", text=proposed).text
    assert people(served) == before + 2


@pytest.mark.parametrize(
    ("fields", "rows", "told"),
    [
        ({"mapping": ""}, ROWS, "choose a stored one"),
        ({"mapping": "../crm"}, ROWS, "no mapping of that name"),
        ({"mapping": "-", "text": "kind ="}, ROWS, "The mapping of the columns has mistakes"),
        ({"kind": "friends"}, ROWS, "choose what it holds"),
        ({}, "", "The file cannot be taken"),
        ({}, b"PK\x03\x04" + b"x" * 100, "save the sheet as CSV"),
    ],
)
def test_what_cannot_be_taken_leaves_no_trace_and_says_why(
    served: Served, fields: dict[str, str], rows: str | bytes, told: str
) -> None:
    """The form comes back with what was chosen; the file has to be chosen again."""
    steward, before = served.browser(Role.STEWARD), people(served)

    answer = send(served, steward, rows, **fields)

    assert (answer.status_code, people(served)) == (422, before)
    assert told in answer.text


def test_only_a_steward_with_our_own_form_may_send_a_file(served: Served) -> None:
    """Cross-site requests and other roles are refused before a row is looked at (ASVS 3.5)."""
    steward, before = served.browser(Role.STEWARD), people(served)
    forged = steward.post("/console/imports", data={"token": "0" * 64, "act": "import"}, files={"file": ROWS.encode()})
    assert forged.status_code == 403

    for role in (Role.MARKETING, Role.DESK, Role.DPO, Role.ADMIN):
        browser = served.browser(role)
        assert send(served, browser).status_code == 403
        assert browser.get("/console/imports").status_code == 403
    assert served.browser().get("/console/imports").status_code in {303, 401}
    assert people(served) == before


def test_a_file_larger_than_any_form_is_never_spooled(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever would make a temporary file fails here; unmapped columns never touch a disk."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a temporary file was made")

    for name in ("TemporaryFile", "SpooledTemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
    note = CANARY + "x" * 1_000
    rows = "Kundennr;Nachname;Notiz\n" + "".join(f"L-{n};Groß;{note}\n" for n in range(3_000))
    assert len(rows) > 2 * LARGEST_BODY

    assert "taken in" in send(served, served.browser(Role.STEWARD), rows).text
    home = served.house.settings.home
    for path in home.rglob("*"):
        if path.is_file() and os.access(path, os.R_OK):
            assert CANARY.encode() not in path.read_bytes()


def test_consents_need_no_mapping(served: Served) -> None:
    """Their columns may have our own names; what cannot be proven is unknown, and that means no (CON-12)."""
    rows = "reference;purpose;answer\nK0001;newsletter;yes\n"

    page = send(served, served.browser(Role.STEWARD), rows, kind="consents", mapping="", act="preview").text

    assert "Consents: what would happen" in page
    assert "Unknown, so no" in page
