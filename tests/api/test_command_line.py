"""Whatever goes wrong, the command line says it in one sentence; with `--json` as one document on standard output."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from api import cli
from api.workflows import consents
from tests.builders import a_house


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with its three databases."""
    a_house(tmp_path).close()
    return tmp_path


@pytest.fixture
def lauter(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command as the operator's shell would: exit code, standard output, standard error."""
    if cli.app.registered_groups:
        monkeypatch.setattr(cli, "register", lambda: None)

    def run(*words: str, as_json: bool = True) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["lauter", *(["--json"] if as_json else []), "--home", str(home), *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        monkeypatch.setattr(cli, "register", lambda: None)
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return run


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("segment",),
        ("segment", "run"),
        ("nonsense",),
        ("export", "approve", "abc"),
        ("audit", "log", "--limit", "0"),
        ("subject", "declare", "shouted", "--reference", "K1"),
        ("export", "build", "9" * 30),
        ("export", "download", "1", "-o", "/nonexistent/file.csv"),
    ],
)
def test_a_call_that_makes_no_sense_is_one_document_and_exit_2(lauter: Any, words: tuple[str, ...]) -> None:
    """Scripts can rely on it (design 8)."""
    code, out, _ = lauter(*words)

    assert code == 2
    assert set(json.loads(out)) == {"error", "message"}


@pytest.mark.parametrize("store", ["work", "vault", "protected"])
def test_a_damaged_database_is_named_and_never_a_traceback(lauter: Any, home: Path, store: str) -> None:
    """`doctor` finds it, the others say to ask `doctor`."""
    for file in home.glob(f"{store}.db*"):
        file.unlink()
    (home / f"{store}.db").write_bytes(b"this is no database " * 1_000)

    code, out, _ = lauter("doctor")
    told = {check["name"]: check["sound"] for check in json.loads(out)["checks"]}
    assert (code, told[f"{store} database"]) == (1, False)
    for words in (("subject", "show", "--reference", "K1"), ("price", "check", "x"), ("audit", "verify")):
        code, out, err = lauter(*words)
        assert code in (0, 1, 2)
        assert isinstance(json.loads(out), dict)
        assert "Traceback" not in err


def test_a_fault_of_our_own_names_its_place_and_no_value(lauter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback repeats the values at hand (invariant 7)."""

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("canary@example.org")

    monkeypatch.setattr(consents, "show_subject", broken)
    code, out, err = lauter("subject", "show", "--reference", "K1")
    assert (code, json.loads(out)["error"]) == (1, "Broken")
    assert "ValueError" in out
    assert "canary" not in out + err

    _, out, err = lauter("subject", "show", "--reference", "K1", as_json=False)
    assert "ValueError" in err
    assert "canary" not in out + err


def test_brackets_in_a_message_are_no_markup(lauter: Any) -> None:
    """A file may be called anything."""
    code, _, err = lauter("export", "request", "[/bold].json", as_json=False)

    assert code == 2
    assert "[/bold].json" in err or "bold].json" in err
