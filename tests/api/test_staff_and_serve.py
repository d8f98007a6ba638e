"""`lauter staff` and `lauter serve`: a secret is shown once, and other machines are served by https only."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api import cli
from api.console.log import KINDS
from api.logs import FACTS
from audit.errors import BadInput
from governance import staff
from tests.builders import NOON, a_house

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with its three databases."""
    a_house(tmp_path).close()
    return tmp_path


def lauter(home: Path, *words: str, typed: str = "") -> Any:
    """The command line with `--json`."""
    if not cli.app.registered_groups:
        cli.register()
    return CliRunner().invoke(cli.app, ["--json", "--home", str(home), *words], input=typed)


def test_a_generated_password_is_printed_once_and_signs_in(home: Path) -> None:
    """Nothing but its hash is stored, and the log holds no name (LOG-14)."""
    made = json.loads(lauter(home, "staff", "add", "Ines Probe", "--role", "dpo", "--generate").stdout)
    listed = lauter(home, "staff", "list").stdout

    house = cli.output.read_settings(home=home)
    assert made["password"] not in listed
    from api.wiring import open_house

    opened = open_house(house)
    with opened.work.reading() as connection:
        member = staff.authenticate(connection, "ines probe", made["password"], now=NOON)
    opened.close()
    assert member is not None
    assert made["password"].encode() not in (home / "work.db").read_bytes()


def test_a_password_from_standard_input_is_not_printed(home: Path) -> None:
    """Scripts pass it in; it never comes back."""
    done = lauter(home, "staff", "add", "desk", "--role", "desk", typed="a long enough secret\n")

    assert done.exit_code == 0
    assert "a long enough secret" not in done.stdout


def test_one_name_has_one_role(home: Path) -> None:
    """Whoever watches must not do what is watched (GOV-7)."""
    lauter(home, "staff", "add", "one", "--role", "dpo", "--generate")
    again = lauter(home, "staff", "add", "one", "--role", "marketing", "--generate")

    assert type(again.exception).__name__ == "RoleConflict"


def test_a_token_is_printed_once(home: Path) -> None:
    """Bearer tokens for programs, with scopes."""
    made = lauter(home, "staff", "token", "crm", "--role", "steward", "--scope", "import", "--scope", "read")

    assert len(json.loads(made.stdout)["token"]) > 40


def test_a_revoked_token_acts_no_more(home: Path) -> None:
    """Listed by what it is for, never by itself; an unknown label is told (ASVS 7.4)."""
    lauter(home, "staff", "token", "crm", "--role", "steward", "--scope", "read")
    (listed,) = json.loads(lauter(home, "staff", "tokens").stdout)["tokens"]

    assert (listed["label"], listed["role"], listed["scopes"]) == ("crm", "steward", ["read"])
    assert json.loads(lauter(home, "staff", "revoke", "crm").stdout) == {"revoked": 1}
    assert json.loads(lauter(home, "staff", "tokens").stdout) == {"tokens": []}
    assert type(lauter(home, "staff", "revoke", "crm").exception).__name__ == "NotFound"


def test_another_password_is_the_only_one_from_then_on(home: Path) -> None:
    """Whoever forgot theirs gets another, and the log tells of it by the member's sign (LOG-5)."""
    old = json.loads(lauter(home, "staff", "add", "ines", "--role", "dpo", "--generate").stdout)["password"]
    new = json.loads(lauter(home, "staff", "password", "ines", "--generate").stdout)["password"]
    entry = json.loads(lauter(home, "audit", "log", "--kind", "staff:password_changed").stdout)["entries"][0]

    from api.wiring import open_house

    house = open_house(cli.output.read_settings(home=home))
    with house.work.reading() as connection:
        assert staff.authenticate(connection, "ines", old, now=NOON) is None
        member = staff.authenticate(connection, "ines", new, now=NOON)
    house.close()
    assert member is not None
    assert entry["body"] == {"member": member.handle}


def test_other_machines_are_not_served_without_https(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain http stays on this machine (ASVS 12.2)."""
    monkeypatch.delenv("LAUTER_PUBLIC_URL", raising=False)
    refused = lauter(home, "serve", "--host", "0.0.0.0", "--port", "0")

    assert isinstance(refused.exception, BadInput)


def test_every_kind_of_fact_has_words_on_the_log_page() -> None:
    """The filter of the log offers what the code appends, and nothing else."""
    written = set()
    for package in ("audit", "governance", "consent", "segmentation", "api/workflows", "api/console"):
        for path in (ROOT / package).rglob("*.py"):
            if path.name != "log.py" or package != "api/console":
                written |= set(re.findall(r'"(?!dct:|rdf:|skos:)([a-z_]+:[a-z_]+)"', path.read_text(encoding="utf-8")))
    imported = {f"{kind}:imported" for kind in ("accounts", "activities", "attributes", "contacts")}

    assert written - KINDS.keys() - FACTS == set()
    assert KINDS.keys() - written - imported == set()
