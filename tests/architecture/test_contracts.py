"""The import contracts hold, and each breaks under one deliberate violation."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("audit", "governance", "consent", "segmentation", "api")

VIOLATIONS = {
    "Five packages in one line": ("audit/errors.py", "import governance.vocabulary"),
    "Only api speaks HTTP, pages and command lines": ("governance/vocabulary.py", "import fastapi"),
    "Workflows know no HTTP and no command line": ("api/workflows/stores.py", "import typer"),
    "Nobody above the vault can name a person": ("segmentation/store.py", "import governance.vault"),
    "Pure modules stay pure": ("consent/decision.py", "import sqlalchemy"),
    "No cycles inside a package": ("audit/errors.py", "import audit.log"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The five packages and their contracts in an empty folder."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "data", "static")
        )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(folder)},
    )


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_deliberate_violation_breaks_exactly_that_contract(copy: Path, name: str) -> None:
    """The sentence that would let segmentation name a person does not pass `make test`."""
    path, line = VIOLATIONS[name]
    target = copy / path
    target.write_text(target.read_text(encoding="utf-8") + f"\n{line}  # deliberate\n", encoding="utf-8")

    result = lint(copy)

    assert result.returncode != 0
    assert f"{name} BROKEN" in " ".join(result.stdout.split())


def test_the_contracts_hold(copy: Path) -> None:
    """As the code stands, all of them are kept."""
    result = lint(copy)

    assert result.returncode == 0, result.stdout[-3000:]
