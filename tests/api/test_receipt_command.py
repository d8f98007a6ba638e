"""`lauter subject receipts`: the list, the files, and a trace that somebody looked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from api import cli
from api.settings import Settings
from api.wiring import open_house
from api.workflows.receipts import receipt_json
from audit import log
from audit.verify import verify_proof
from tests.api.test_receipts import subject
from tests.small_world import a_small_world


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two contacts who consented."""
    a_small_world(tmp_path / "home", people=2, gold=1).close()
    return tmp_path / "home"


@pytest.fixture
def lauter(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `lauter --json subject receipts …`: exit code and the one document."""
    if cli.app.registered_groups:
        monkeypatch.setattr(cli, "register", lambda: None)

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["lauter", "--json", "--home", str(home), "subject", "receipts", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        monkeypatch.setattr(cli, "register", lambda: None)
        return int(end.value.code or 0), json.loads(capsys.readouterr().out)

    return run


def opened(home: Path) -> Any:
    url = {name: f"sqlite:///{home / f'{name}.db'}" for name in ("work", "vault", "protected")}
    return open_house(Settings(home, url["work"], url["vault"], url["protected"]))


def test_the_list_and_each_of_the_three_files(lauter: Any, home: Path, tmp_path: Path) -> None:
    """CON-13 for people without a computer: the desk prints it; each look is one fact (ACC-8)."""
    code, listed = lauter("--reference", "K0001")
    assert (code, [line["seq"] for line in listed["receipts"]]) == (0, [2, 1])
    files = {form: tmp_path / f"r.{form}" for form in ("json", "pdf", "proof")}

    for form, path in files.items():
        code, told = lauter("--reference", "K0001", "--seq", "2", "--format", form, "-o", str(path))
        assert (code, told) == (0, {"file": path.name, "bytes": path.stat().st_size})

    house = opened(home)
    assert files["json"].read_bytes() == receipt_json(house, subject(house), 2)
    assert "Einwilligung" in PdfReader(files["pdf"]).pages[0].extract_text()
    assert verify_proof(files["proof"].read_bytes(), [house.signer.vkey]).fact.body["declaration"] == 2
    with house.work.reading() as connection:
        assert len(log.entries(connection, kind="subject:viewed")) == 4
    house.close()


def test_somebody_else_s_number_or_no_file_is_refused(lauter: Any, tmp_path: Path) -> None:
    """Exit 2: what was asked for is not there, and nothing is written (design 8)."""
    target = str(tmp_path / "r.json")

    for words in (("K0002", "--seq", "2", "-o", target), ("nobody",), ("K0001", "--seq", "2")):
        code, told = lauter("--reference", *words)
        assert (code, set(told)) == (2, {"error", "message"})
    assert not Path(target).exists()
