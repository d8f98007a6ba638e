"""`lauter segment profile | compare | migration | history | note`: exact, as one document or for the eye."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api import cli
from api.cli import output
from consent.ledger import declare
from governance.vocabulary import OPERATOR, Act
from tests.small_world import NOON, RULES, a_small_world, run_scheme, said

Lauter = Callable[..., tuple[int, str]]


@pytest.fixture
def lauter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lauter:
    """A home in which three withdrew between two runs; the clock stands still."""
    monkeypatch.setattr(output, "now", lambda: NOON + timedelta(hours=2))
    house = a_small_world(tmp_path)
    run_scheme(house, RULES)
    with house.work.writing() as connection:
        for subject in (1, 2, 40):
            withdrawn = [said("personalised_offers", Act.WITHDRAWN, at=NOON)]
            declare(connection, subject, withdrawn, actor=OPERATOR, now=NOON)
    run_scheme(house, RULES, now=NOON + timedelta(hours=1))
    house.close()
    if not cli.app.registered_groups:
        cli.register()

    def run(*words: str, as_json: bool = True) -> tuple[int, str]:
        options = [*(["--json"] if as_json else []), "--home", str(tmp_path)]
        answer = CliRunner().invoke(cli.app, [*options, "segment", *words])
        return answer.exit_code, answer.stdout

    return run


def test_the_operator_counts_exactly(lauter: Lauter) -> None:
    """One JSON document on standard output and nothing else (design 8)."""
    assert json.loads(lauter("profile", "value", "gold")[1])["size"] == 28
    beside = json.loads(lauter("compare", "value", "gold", "others")[1])
    assert [segment["size"] for segment in beside["segments"]] == [28, 29]
    moved = json.loads(lauter("migration", "value", "--before", "1", "--after", "2")[1])
    assert (moved["stayed"], moved["left"], moved["reasons"]) == (57, 3, {"consent_withdrawn": 3})
    assert [run["placed"] for run in json.loads(lauter("history", "value")[1])["runs"]] == [60, 57]


def test_for_the_eye_there_is_a_table_of_each(lauter: Lauter) -> None:
    """Every command answers without `--json` too."""
    for words in (("profile", "value", "gold"), ("compare", "value", "gold", "others"), ("history", "value")):
        code, out = lauter(*words, as_json=False)
        assert code == 0, words
        assert "28" in out or "57" in out, words
    assert "left 3" in lauter("migration", "value", as_json=False)[1]


def test_a_note_is_written_and_stands_in_the_profile(lauter: Lauter) -> None:
    """The operator may note what marketing plans."""
    code, _ = lauter("note", "value", "gold", "--owner", "Inside sales", "--strategy", "Thank them in December.")
    assert code == 0
    (note,) = json.loads(lauter("profile", "value", "gold")[1])["notes"]
    assert (note["owner"], note["strategy"]) == ("Inside sales", "Thank them in December.")
