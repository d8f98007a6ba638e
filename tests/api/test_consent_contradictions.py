"""A file against what people said themselves: a row that would raise a no is listed with its proof."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from api.cli import consents as cli
from api.cli import output
from api.wiring import House
from api.workflows.consents import Said, declare_for
from audit import log
from governance.vocabulary import OPERATOR, Act, Channel, Scope, Source
from tests.api.test_consents import COMPLETE, house, take_in
from tests.builders import NOON
from tests.consent.builders import DAY

__all__ = ["house"]


def listed(house: House, folder: Path, *rows: str, **more: object) -> list[dict[str, object]]:
    report = take_in(house, folder, *rows, **more).to_json()
    assert report["refused"] == len(rows)
    return list(report["notes"])


def test_a_yes_over_a_no_is_listed_with_the_no_that_outranks_it(house: House, tmp_path: Path) -> None:
    """OBJ-10, Article 5(2) GDPR: act, source, both times and the entry of the log, and nothing about the person."""
    before = Said(Act.REFUSED, purpose="newsletter", channel=Channel.EMAIL, source=Source.SUBJECT)
    declare_for(house, "K-1", before, actor=OPERATOR, now=NOON - 9 * DAY)
    letter = Said(Act.WITHDRAWN, purpose="newsletter", said_at=NOON - 5 * DAY)
    proof = declare_for(house, "K-1", letter, actor=OPERATOR, now=NOON - 2 * DAY)

    [note] = listed(house, tmp_path, COMPLETE.replace("01.02.2026", "20.11.2026"))

    assert (note["row"], note["column"], note["reason"]) == (2, "answer", "denied_before")
    assert note["outranked_by"] == {
        "act": "withdrawn",
        "scope": "purpose",
        "source": "desk_for_subject",
        "said_at": (NOON - 5 * DAY).isoformat(),
        "received_at": (NOON - 2 * DAY).isoformat(),
        "entry": proof.entry,
    }
    mend = note["mend"]
    assert isinstance(mend, dict)
    assert mend["de"].endswith("Vorrang hat: Widerruf vom 17.11.2026, vom Kundendienst aufgenommen, Eintrag 1.")
    assert mend["en"].endswith("What outranks it: withdrawal of 2026-11-17, taken down by the desk, entry 1.")
    with house.work.reading() as connection:
        assert log.entry(connection, proof.entry or 0).kind == "consent:withdrawn"
    assert "K-1" not in json.dumps(note)


@pytest.mark.parametrize("scope", [Scope.GENERAL, Scope.MARKETING])
def test_an_objection_wider_than_the_purpose_outranks_too(house: House, tmp_path: Path, scope: Scope) -> None:
    """Article 21(2) GDPR: the newest objection that concerns the purpose; profiling does not."""
    for number, wide in enumerate((scope, scope, Scope.PROFILING)):
        said = Said(Act.OBJECTED, wide, source=Source.SIGNAL)
        declare_for(house, "K-1", said, actor=OPERATOR, now=NOON - timedelta(days=9 - number))

    [note] = listed(house, tmp_path, COMPLETE)

    outranked = note["outranked_by"]
    assert isinstance(outranked, dict)
    assert (outranked["scope"], outranked["source"], outranked["entry"]) == (scope.value, "signal", 1)


def test_a_no_of_an_earlier_file_outranks_with_the_entry_of_its_piece(house: House, tmp_path: Path) -> None:
    """OBJ-10: one import does not raise what another denied; the entry proves that one."""
    take_in(house, tmp_path, "K-1;newsletter;;nein;;;", now=NOON - DAY)

    [note] = listed(house, tmp_path, COMPLETE.replace("01.02.2026", "22.11.2026"))

    outranked = note["outranked_by"]
    assert isinstance(outranked, dict)
    assert (outranked["act"], outranked["source"], outranked["entry"]) == ("refused", "import", 0)
    with house.work.reading() as connection:
        assert log.entry(connection, 0).kind == "consents:imported"


def test_a_file_that_contradicts_itself_is_told_so(house: House, tmp_path: Path) -> None:
    """OBJ-10: the no of the same file wins, whichever row comes first; a dry run has no entry to show yet."""
    rows = ("K-1;newsletter;email;nein;01.11.2026;;", COMPLETE.replace("01.02.2026", "20.11.2026"))

    dry = take_in(house, tmp_path, *rows, dry_run=True)
    real = take_in(house, tmp_path, *rows)

    assert (dry.refused, real.refused) == (1, 1)
    assert [note.outranked_by for note in dry.notes] == [None]
    [note] = real.notes
    assert note.outranked_by is not None
    assert (note.outranked_by.act, note.outranked_by.entry) == (Act.REFUSED, 0)


def test_the_command_line_says_what_outranks(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator reads it without opening the report."""
    declare_for(house, "K-1", Said(Act.OBJECTED, purpose="newsletter"), actor=OPERATOR, now=NOON - DAY)
    result = take_in(house, tmp_path, COMPLETE)
    told: list[str] = []
    monkeypatch.setattr(output.notes, "print", lambda text, **_: told.append(text))

    cli._show_import(result)

    assert told == [
        (
            "row 2, answer: This was refused, withdrawn or objected to before; only the person can change that. "
            "What outranks it: objection of 2026-11-21, taken down by the desk, entry 0."
        )
    ]
