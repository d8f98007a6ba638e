"""The operator's way: erase, back up, restore, let go (GOV-6: a restore is rehearsed, not hoped for)."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from api import cli
from api.running import HomeInUse, alone, serving
from api.settings import read_settings

CONTACTS = "id,name,mail\n" + "".join(f"K{n},Muster{n},ada{n}@example.org\n" for n in range(1, 4))
MAPPING = """
kind = "contacts"

[columns]
reference = "id"
family_name = "name"
email = "mail"
"""


@pytest.fixture
def lauter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command in a home, with the journal beside all homes; its exit code and document."""
    if cli.app.registered_groups:
        monkeypatch.setattr(cli, "register", lambda: None)
    monkeypatch.setenv("LAUTER_JOURNAL", str(tmp_path / "journal.db"))

    def run(home: str, *words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["lauter", "--json", "--home", str(tmp_path / home), *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        monkeypatch.setattr(cli, "register", lambda: None)
        return int(end.value.code or 0), dict(json.loads(capsys.readouterr().out))

    return run


def test_a_house_that_burnt_down_comes_back_without_whoever_was_erased(lauter: Any, tmp_path: Path) -> None:
    """Init, import, backup, erase, restore elsewhere: sound, signed, and the erased person is gone (ERA-3)."""
    (tmp_path / "c.csv").write_text(CONTACTS, encoding="utf-8")
    (tmp_path / "m.toml").write_text(MAPPING, encoding="utf-8")
    assert lauter("old", "init")[0] == 0
    code, imported = lauter("old", "import", "contacts", str(tmp_path / "c.csv"), "-m", str(tmp_path / "m.toml"))
    assert code == 0, imported
    code, copied = lauter("old", "backup", str(tmp_path / "b"), "--keys", str(tmp_path / "k"))
    assert code == 0, copied
    code, erased = lauter("old", "subject", "erase", "--reference", "K2")
    assert (code, erased["overwritten"], erased["evidence_until"]) == (0, True, None)

    restore = ("restore", str(tmp_path / "b"), "--keys", str(tmp_path / "k"))
    code, refused = lauter("new", *restore)
    assert (code, refused["error"]) == (1, "LossNotDeclared")
    code, restored = lauter("new", *restore, "--declare-loss")
    assert code == 0, restored

    assert restored["erased_again"] == 1
    assert lauter("new", "doctor") == (0, {"sound": True, "checks": lauter("new", "doctor")[1]["checks"]})
    assert lauter("new", "audit", "verify", "--deep")[1]["ok"]
    assert lauter("new", "subject", "show", "--reference", "K2")[1]["error"] == "NotFound"
    assert lauter("new", "subject", "show", "--reference", "K1")[0] == 0
    assert lauter("new", "retention", "run")[1]["records"] == {}
    assert lauter("new", "keys", "rotate", "kek")[1]["error"] == "BadInput"
    assert lauter("new", "keys", "rotate", "kek", "--stopped")[1] == {"epoch": 2, "moved": 2, "destroyed": [1]}
    assert lauter("new", "subject", "show", "--reference", "K1")[0] == 0


def test_the_main_key_is_not_changed_under_a_service_that_runs(lauter: Any, tmp_path: Path) -> None:
    """A process that knows the older key alone would read everybody as erased (ERA-3)."""
    assert lauter("home", "init")[0] == 0
    settings = read_settings({}, tmp_path / "home")
    with serving(settings), serving(settings):
        code, refused = lauter("home", "keys", "rotate", "kek", "--stopped")
        assert (code, refused["error"]) == (1, "HomeInUse")
    with alone(settings), pytest.raises(HomeInUse), serving(settings):
        pass

    assert lauter("home", "keys", "rotate", "kek", "--stopped")[1]["epoch"] == 2
