"""`lauter portal letter`: the operator makes a letter for somebody without e-mail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api import cli
from tests.small_world import a_small_world


@pytest.fixture
def home(tmp_path: Path) -> Path:
    a_small_world(tmp_path, people=3, gold=1).close()
    return tmp_path


def run(home: Path, *words: str) -> dict[str, object]:
    if not cli.app.registered_groups:
        cli.register()
    done = CliRunner().invoke(cli.app, ["--json", "--home", str(home), "portal", "letter", *words])
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_letter_is_one_document_and_a_private_file(home: Path) -> None:
    """The code is shown this once; the sheet is readable by its owner alone (ASVS 14.2)."""
    sheet = home / "letter.html"
    made = run(home, "--reference", "K0002", "-o", str(sheet))

    assert str(made["code"]) in sheet.read_text(encoding="utf-8")
    assert sheet.stat().st_mode & 0o077 == 0
    assert made["address_held"] is False
    assert str(made["url"]).endswith(str(made["code"]).replace("-", ""))
    assert "K0002" not in json.dumps(made)


def test_the_next_letter_has_another_code(home: Path) -> None:
    """One letter is good at a time."""
    assert run(home, "--reference", "K0002")["code"] != run(home, "--reference", "K0002")["code"]
