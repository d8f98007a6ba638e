"""Every command of `lauter` leaves exactly its facts in the log (LOG-5)."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import typer

from api import cli
from api.cli import output
from api.settings import read_settings
from api.wiring import open_house
from audit import log
from tests.api.test_exports import a_request
from tests.api.test_prices import SCHEME as PRICED
from tests.api.test_prices import a_policy, answers
from tests.small_world import NOON, RULES, populate, run_scheme

WHO = ("--reference", "K0003")
EVIDENCE = ("--evidence", "letter-12", "--evidence-said-at", "2026-11-22")
FILES = {
    "contacts.csv": "K\nK0099\n",
    "contacts.toml": 'kind = "contacts"\n[columns]\nreference = "K"\n',
    "accounts.csv": "F\nF1\n",
    "accounts.toml": 'kind = "accounts"\n[columns]\nreference = "F"\n',
    "activities.csv": "K,day,sum\nK0003,2026-11-20,12.50\n",
    "activities.toml": 'kind = "activities"\n[columns]\ncontact = "K"\ndate = "day"\namount = "sum"\n'
    '[options]\ncurrency = "EUR"\n',
    "attributes.csv": "K,sex\n" + "".join(f"K{n:04d},{'f' if n % 2 else 'm'}\n" for n in range(1, 101)),
    "attributes.toml": 'kind = "attributes"\n[columns]\nreference = "K"\n[attributes]\nsex = "sex"\n',
    "consents.csv": "Kundennr;Zweck;Kanal;Antwort;Datum\nK0004;newsletter;email;nein;01.02.2026\n",
    "grounds.csv": "Kundennr;Zweck;Kanal;Datum;Grund\nK0004;sales_care;phone;2026-01-10;Messe\n",
    "scheme.json": json.dumps(RULES | {"scheme": "second"}),
    "priced.json": json.dumps(PRICED | {"scheme": "third"}),
    "price.json": a_policy(policy="more"),
    "export.json": a_request(),
    "export2.json": a_request(valid="P6D"),
}
Lauter = Callable[..., tuple[int, dict[str, Any]]]

STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("doctor", ()),
    ("template list", ()),
    ("template show industry", ()),
    ("template scheme reactivate --purpose personalised_offers", ()),
    ("import suggest {f}/contacts.csv", ()),
    ("import contacts {f}/contacts.csv -m {f}/contacts.toml --dry-run", ()),
    ("import contacts {f}/contacts.csv -m {f}/contacts.toml", ("import:began", "contacts:imported")),
    ("import accounts {f}/accounts.csv -m {f}/accounts.toml", ("import:began", "accounts:imported")),
    ("import activities {f}/activities.csv -m {f}/activities.toml", ("import:began", "activities:imported")),
    ("import attributes {f}/attributes.csv -m {f}/attributes.toml", ("import:began", "attributes:imported")),
    ("import consents {f}/consents.csv", ("consents:imported",)),
    ("import grounds {f}/grounds.csv", ("grounds:imported",)),
    ("subject show {who}", ("subject:viewed",)),
    ("subject object {who} --purpose sales_care", ("objection:raised",)),
    ("subject declare objection_lifted {who} --purpose sales_care {evidence}", ("objection:lifted",)),
    ("subject withdraw {who} --purpose personalised_price", ("consent:withdrawn",)),
    ("subject withhold {who} --field postcode_prefix", ("field:withheld",)),
    ("subject receipts {who}", ("subject:viewed",)),
    ("subject ground record address_from_sale --reference K0005 --purpose sales_care --channel email --evidence o1",
     ("ground:recorded",)),
    ("subject ground end address_from_sale --reference K0005 --purpose sales_care --channel email --evidence o1",
     ("ground:ended",)),
    ("subject call {who} --purpose sales_care", ("channel:used",)),
    ("subject proof {who} -o {f}/proof.zip", ("subject:viewed",)),
    ("subject restrict --reference K0006", ("subject:restricted",)),
    ("subject rebuild", ()),
    ("subject erase --reference K0007", ("subject:erased", "subject:erasure_ordered")),
    ("retention run --dry-run", ()),
    ("retention run", ()),
    ("notice list", ()),
    ("notice show {notice}", ()),
    ("segment define {f}/scheme.json", ("scheme:activated", "scheme:defined")),
    ("segment preview {f}/scheme.json", ()),
    ("segment list", ()),
    ("segment run second", ("run:published",)),
    ("segment show second", ()),
    ("segment profile second gold", ()),
    ("segment compare second gold others", ()),
    ("segment run second --full", ("run:published",)),
    ("segment migration second", ()),
    ("segment history second", ()),
    ("segment note second gold --owner Sales --strategy Thanks", ("segment:noted",)),
    ("segment check second", ("assignment:replayed",)),
    ("segment schedule second --every P1D", ("schedule:set",)),
    ("segment versions second", ()),
    ("segment explain second {who} --lang en", ("assignment:explained",)),
    ("segment correct second {who} --out --reason Asked", ("assignment:corrected",)),
    ("segment lift second {who}", ("correction:lifted",)),
    ("segment define {f}/priced.json --draft", ("scheme:defined",)),
    ("segment activate third", ("scheme:activated",)),
    ("segment deactivate third", ("scheme:withdrawn",)),
    ("price define {f}/price.json", ("price:defined",)),
    ("price list", ()),
    ("price check more", ("price:checked",)),
    ("price activate more", ("price:activated",)),
    ("export request {f}/export.json", ("export:requested",)),
    ("export list", ()),
    ("export approve 1", ("export:approved",)),
    ("export build 1", ("export:built",)),
    ("export download 1 -o {f}/out.csv", ("export:released",)),
    ("export request {f}/export2.json", ("export:requested",)),
    ("export decline 2", ("export:declined",)),
    ("audit log", ()),
    ("audit checkpoint", ()),
    ("audit prove second {who} -o {f}/a.lauter-proof", ("assignment:proven",)),
    ("audit verify --deep", ()),
    ("audit cosign", ()),
    ("audit monitor --state {f}/monitor", ()),
    ("keys list", ()),
    ("keys rotate log", ("log:key_added",)),
    ("keys retire log 1", ("log:key_retired",)),
    ("keys rotate kek --stopped", ("key:added", "key:destroyed")),
    ("record processing", ()),
    ("record ai", ()),
    ("record evidence second", ()),
    ("record impact second", ()),
    ("webhook add https://1.1.1.1/hook --label CRM", ("webhook:added",)),
    ("webhook list", ()),
    ("webhook redeliver 1", ()),
    ("webhook end 1", ("webhook:ended",)),
    ("portal letter --reference K0005 -o {f}/letter.html", ("portal:letter_made",)),
    ("staff add ines --role dpo --generate", ("staff:added",)),
    ("staff list", ()),
    ("staff password ines --generate", ("staff:password_changed",)),
    ("staff token crm --role steward --scope read", ("token:made",)),
    ("staff tokens", ()),
    ("staff revoke crm", ("token:revoked",)),
    ("staff disable ines", ("staff:disabled",)),
    ("worker --once", ()),
    ("backup {f}/backup --keys {f}/keys", ("backup:made",)),
)  # fmt: skip
ELSEWHERE = {
    "init": "before the log begins: test_every_command_leaves_exactly_its_facts",
    "restore": "log:restored, in a home of its own: test_trace_apart.py",
    "segment decide": "an operator's own word activates at once: test_trace_apart.py",
    "segment withdraw": "a request waits for nobody here: test_trace_apart.py",
    "audit witness": "serves until it is stopped and keeps no house: test_witness.py",
    "serve": "serves until it is stopped: test_staff_and_serve.py",
    "demo": "plays this story itself: test_main_job.py",
    "audit prune": "log:pruned, by a rule of the catalogue: test_trace_apart.py",
    "roi": "reads a file and no house",
}
"""Commands without a step, and where they are shown."""


def commands(group: Any, words: Sequence[str] = ()) -> Iterator[str]:
    """Every command below a group, as it is typed."""
    if not hasattr(group, "commands"):
        yield " ".join(words)
        return
    for name, below in group.commands.items():
        yield from commands(below, (*words, name))


@pytest.fixture
def lauter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lauter:
    """A home made by `lauter init`, and what its commands answer; the clock stands still."""
    if cli.app.registered_groups:
        monkeypatch.setattr(cli, "register", lambda: None)
    monkeypatch.setattr(output, "now", lambda: NOON + timedelta(hours=1))
    monkeypatch.setenv("LAUTER_JOURNAL", str(tmp_path / "journal.db"))
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["lauter", "--json", "--home", str(tmp_path / "home"), *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        monkeypatch.setattr(cli, "register", lambda: None)
        said = capsys.readouterr().out
        return int(end.value.code or 0), json.loads(said) if said.startswith("{") else {"said": said}

    return run


def fill(home: Path) -> None:
    """A hundred people, a scheme that ran and one with prices."""
    house = open_house(read_settings(home=home))
    populate(house, people=100, gold=50, purposes=("personalised_offers", "personalised_price"))
    run_scheme(house, RULES)
    run_scheme(house, PRICED)
    answers(house, lambda n: "f" if n % 2 else "m")
    house.close()


def facts_since(home: Path, size: int) -> tuple[int, tuple[str, ...]]:
    """The size of the log, and the kinds of its entries from *size* on."""
    house = open_house(read_settings(home=home))
    with house.work.reading() as connection:
        end = log.size(connection)
        kinds = tuple(sorted(log.entry(connection, index).kind for index in range(size, end)))
    house.close()
    return end, kinds


def test_every_command_leaves_exactly_its_facts(lauter: Lauter, tmp_path: Path) -> None:
    """The operator's acts and readings are written down like everybody's (LOG-5, Article 5(2) GDPR)."""
    home = tmp_path / "home"
    assert lauter("init")[0] == 0
    fill(home)
    size, _ = facts_since(home, 0)
    found, notice = [], ""
    for line, kinds in STEPS:
        words = {"f": str(tmp_path), "who": " ".join(WHO), "evidence": " ".join(EVIDENCE), "notice": notice}
        code, said = lauter(*line.format(**words).split())
        size, left = facts_since(home, size)
        if line == "notice list":
            notice = said["notices"][0]["hash"]
        if code:
            found.append(f"{line}: exit {code}: {json.dumps(said)[:300]}")
        if left != tuple(sorted(kinds)):
            found.append(f"{line}: expected {sorted(kinds)}, the log has {list(left)}")
    assert not found, "\n".join(found)


def test_no_command_is_without_a_step() -> None:
    """A new one says here what it leaves."""
    if not cli.app.registered_groups:
        cli.register()
    every = set(commands(typer.main.get_command(cli.app)))
    shown = {name for name in every if any(f"{line} ".startswith(f"{name} ") for line, _ in STEPS)}

    assert every - shown - ELSEWHERE.keys() == set()
    assert ELSEWHERE.keys() - every == set()
