"""The whole way of one contact, by the command line, as an operator goes it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

SCHEMES = {"reaktivierung", "preisstufen", "einkaufsverhalten", "abwanderung"}
PROGRAM = [sys.executable, "-c", "from api.cli import main; main()"]


def lauter(home: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    """Run a command with `--json`; its exit code and its one document."""
    command = [*PROGRAM, "--json", "--home", str(home), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})}
    )
    assert done.stdout.strip(), done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A home in which the demonstration was played, and what it told."""
    home = tmp_path_factory.mktemp("demo") / "home"
    code, told = lauter(home, "demo", "--contacts", "900", "--no-serve")
    assert code == 0, told
    return home, told


def altered(demonstrated: tuple[Path, dict[str, Any]], target: Path, *statements: str) -> Path:
    """A copy of that home in which somebody with the file system's rights changed the database."""
    with sqlite3.connect(demonstrated[0] / "work.db") as source:
        target.mkdir()
        for name in ("keys", "catalogue.toml"):
            subprocess.run(["cp", "-a", str(demonstrated[0] / name), str(target)], check=True)
        with sqlite3.connect(target / "work.db") as copy:
            source.backup(copy)
        copy.close()
    source.close()
    for store in ("vault.db", "protected.db"):
        subprocess.run(["cp", "-a", str(demonstrated[0] / store), str(target)], check=True)
    connection = sqlite3.connect(target / "work.db")
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f'DROP TRIGGER "{trigger}"')
    for statement in statements:
        assert connection.execute(statement).rowcount == 1
    connection.commit()
    connection.close()
    return target


def test_counts_add_up_in_every_scheme(demonstrated: tuple[Path, dict[str, Any]]) -> None:
    """Permitted plus left out by reason is everybody (Article 5(2) GDPR): nobody disappears without a reason."""
    code, listed = lauter(demonstrated[0], "segment", "list")

    assert code == 0
    assert {scheme["scheme"] for scheme in listed["schemes"]} == SCHEMES
    for scheme in listed["schemes"]:
        assert scheme["permitted"] + sum(scheme["left_out"].values()) == scheme["total"]
        assert scheme["total"] > 0 < scheme["permitted"]


def test_the_log_verifies_deep_and_plain(demonstrated: tuple[Path, dict[str, Any]]) -> None:
    """Every leaf, node, checkpoint, model and assignment row fits (LOG-1, LOG-11)."""
    assert lauter(demonstrated[0], "audit", "verify")[1]["ok"]
    assert lauter(demonstrated[0], "audit", "verify", "--deep")[1]["ok"]


def test_one_price_policy_passes_and_one_is_refused(demonstrated: tuple[Path, dict[str, Any]]) -> None:
    """A price that hits one group harder does not come into force (§ 19 AGG, FAIR-5)."""
    outcomes = {price["policy"]: price for price in demonstrated[1]["prices"]}

    assert outcomes["treuebonus"]["outcome"] == "activated"
    assert outcomes["aktivrabatt"]["verdict"] == "disparity"
    assert outcomes["aktivrabatt"]["outcome"].startswith("refused")


def test_the_corrected_person_stays_corrected(demonstrated: tuple[Path, dict[str, Any]]) -> None:
    """A run does not overwrite what a human decided (Articles 16 and 22(3) GDPR, REC-2)."""
    home, told = demonstrated
    lauter(home, "segment", "run", "reaktivierung")

    for language in ("de", "en"):
        reference = told["corrected"]["reference"]
        code, why = lauter(home, "segment", "explain", "reaktivierung", "--reference", reference, "--lang", language)
        assert (code, why["segment"]) == (0, "care")


def test_an_objection_after_the_run_acts_at_once(demonstrated: tuple[Path, dict[str, Any]]) -> None:
    """Direct marketing and its profiling stop the moment somebody objects (Article 21(3) GDPR)."""
    later = next(step for step in demonstrated[1]["steps"] if step["step"].startswith("one more objection"))

    assert later["after"] == later["before"] - 1


def test_a_proof_verifies_without_a_home_and_any_flipped_byte_is_refused(
    demonstrated: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """A customer can check the file on a machine that never saw the database (LOG-8)."""
    home, told = demonstrated
    file = tmp_path / "one.lauter-proof"
    reference = told["corrected"]["reference"]
    made = lauter(home, "audit", "prove", "reaktivierung", "--reference", reference, "-o", str(file))[1]

    nowhere = tmp_path / "nowhere"
    assert lauter(nowhere, "audit", "verify", str(file), "--key", made["log_key"])[1]["ok"]
    data = bytearray(file.read_bytes())
    data[len(data) // 3] ^= 1
    file.write_bytes(data)
    code, refused = lauter(nowhere, "audit", "verify", str(file), "--key", made["log_key"])
    assert (code, refused["ok"]) == (1, False)


FLIPS = {
    "model": ("UPDATE model SET document = replace(document, '\"scheme\"', '\"schema\"') WHERE rowid = 1", "model"),
    "assignment": ("UPDATE assignment SET record = zeroblob(length(record)) WHERE (run, position) = (4, 17)", "17"),
    "effective": ("UPDATE assignment SET effective = effective + 1 WHERE (run, position) = (4, 23)", "assignment"),
    "log": ("UPDATE log_leaf SET body = CAST(body || x'00' AS BLOB) WHERE idx = 5", "5"),
    "type": ("UPDATE log_leaf SET body = body || x'ff' WHERE idx = 5", "work database"),
}


@pytest.mark.parametrize("what", FLIPS)
def test_an_altered_row_is_named(demonstrated: tuple[Path, dict[str, Any]], tmp_path: Path, what: str) -> None:
    """Whoever holds the database cannot change a model, an assignment or an entry unnoticed (Article 5(2) GDPR)."""
    statement, name = FLIPS[what]
    if what == "model":
        statement = "UPDATE model SET document = document || ' ' WHERE rowid = (SELECT min(rowid) FROM model)"
    home = altered(demonstrated, tmp_path / "altered", statement)

    code, report = lauter(home, "audit", "verify", "--deep")

    assert (code, report["ok"]) == (1, False)
    assert any(name in finding["where"] for finding in report["findings"]), report["findings"]


def test_nothing_of_the_unmapped_columns_or_of_names_is_in_the_work_database(
    demonstrated: tuple[Path, dict[str, Any]],
) -> None:
    """What is not mapped touches no disk, and who somebody is lies sealed in the vault (Article 25 GDPR, PRI-3)."""
    home = demonstrated[0]
    stored = b"".join(path.read_bytes() for path in home.glob("*.db*"))

    for word in ("Urlaub erzählt", "Ruft gern", ".example.org", "Brüggemann", "Musterhof"):
        assert word.encode() not in stored
    assert b"Br\xfcggemann" not in stored


def test_the_demonstration_refuses_a_home_it_did_not_make(tmp_path: Path) -> None:
    """Nobody's real home is replaced."""
    home = tmp_path / "home"
    assert lauter(home, "init")[0] == 0

    code, told = lauter(home, "demo", "--contacts", "300", "--no-serve")

    assert code == 2
    assert "no demonstration made" in told["message"]


def test_the_whole_way_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    """Production's database does the same, with the vault apart."""
    environment = {"LAUTER_DATABASE_URL": postgres_url}
    home = tmp_path / "home"

    code, told = lauter(home, "demo", "--contacts", "600", "--no-serve", environment=environment)
    assert code == 0, told

    for scheme in told["schemes"]:
        assert scheme["permitted"] + sum(scheme["left_out"].values()) == scheme["total"]
    assert lauter(home, "audit", "verify", "--deep", environment=environment)[1]["ok"]


def test_customers_decided_by_mail_and_in_the_portal_and_it_acts_at_once(
    demonstrated: tuple[Path, dict[str, Any]],
) -> None:
    """Objection, double opt-in and one click, through the mails in the outbox (Articles 7(3) and 21(3) GDPR)."""
    home, told = demonstrated

    portal = told["portal"]
    assert portal["after"] < portal["before"]
    assert portal["confirmed"]
    assert portal["ended"]
    assert len(list((home / "outbox").glob("*.eml"))) >= 3
    assert Path(portal["mail"]).exists()
