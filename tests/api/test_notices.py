"""Notices over the workflow and the command line: exactly the bytes that were hashed."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from api import cli
from api.settings import Settings
from api.wiring import open_house
from api.workflows.home import examine, make_home, note_catalogue
from api.workflows.notices import find_notice, list_notices, notice_of
from audit.errors import NotFound
from governance.notice_items import HEADINGS, Item
from governance.vocabulary import OPERATOR
from tests.builders import NOON


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home that was just made."""
    made = Settings(
        home=tmp_path / "home",
        database_url=f"sqlite:///{tmp_path / 'home' / 'work.db'}",
        vault_url=f"sqlite:///{tmp_path / 'home' / 'vault.db'}",
        protected_url=f"sqlite:///{tmp_path / 'home' / 'protected.db'}",
    )
    make_home(made, actor=OPERATOR, now=NOON)
    return made


def test_what_is_shown_again_is_what_was_hashed(settings: Settings) -> None:
    """Article 7(1) GDPR, CON-1: by hash, byte for byte, also after the catalogue has moved on."""
    house = open_house(settings)
    before = {each.notice.digest: each.notice.text for each in list_notices(house).notices}
    text = settings.catalogue_path.read_text(encoding="utf-8")
    settings.catalogue_path.write_text(
        text.replace('version = "2026-11"', 'version = "2026-12"', 1).replace("etwa einmal im Monat", "jede Woche"),
        encoding="utf-8",
    )
    house.close()
    house = open_house(settings)
    note_catalogue(house, actor=OPERATOR, now=NOON)

    assert len(before) == 10
    for digest, kept in before.items():
        shown = notice_of(house, digest)
        assert hashlib.sha256(shown.notice.text.encode()).digest() == digest
        assert shown.notice.text == kept
        assert find_notice(house, digest.hex()[:8]).notice == shown.notice
    old = [each for each in list_notices(house).notices if not each.present]
    assert [(each.notice.version, each.notice.purpose) for each in old] == [("2026-11", "newsletter")] * 2
    assert HEADINGS[Item.OBJECTION].de in [heading for heading, _ in old[0].blocks]
    for wrong in (bytes(32).hex(), "abc", "no hash at all"):
        with pytest.raises(NotFound):
            find_notice(house, wrong)
    with pytest.raises(NotFound):
        notice_of(house, bytes(32))
    house.close()


def test_doctor_names_other_words_under_an_old_version_and_a_text_nobody_vouches_for(settings: Settings) -> None:
    """INF-1, CON-1: two texts of one version could not be told apart by a reader."""
    assert examine(settings).sound
    text = settings.catalogue_path.read_text(encoding="utf-8")
    settings.catalogue_path.write_text(text.replace("etwa einmal im Monat", "jede Woche"), encoding="utf-8")

    [finding] = [check.detail for check in examine(settings).checks if not check.sound]

    assert finding.startswith("newsletter: other words under the version of an earlier text")

    start, end = text.index("[purpose.notice.items.purpose]"), text.index("[[purpose]]", text.index("[[purpose]]") + 1)
    free = text[:start] + 'de = "Kurz."\nen = "Short."\n' + text[end:]
    settings.catalogue_path.write_text(free.replace('version = "2026-11"', 'version = "2026-12"', 1), encoding="utf-8")

    [finding] = [check.detail for check in examine(settings).checks if not check.sound]

    assert finding.startswith("newsletter: does not say purpose, withdrawal, objection")


def test_the_command_line_lists_and_prints_notices(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lauter notice list | show HASH`; the printed text hashes to what was asked for."""
    if cli.app.registered_groups:
        monkeypatch.setattr(cli, "register", lambda: None)

    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["lauter", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        monkeypatch.setattr(cli, "register", lambda: None)
        return int(end.value.code or 0), capsys.readouterr().out

    home = ("--home", str(settings.home))
    code, out = run("--json", *home, "notice", "list")
    listed: dict[str, Any] = json.loads(out)
    assert code == 0
    assert listed["missing"] == {}
    assert {each["language"] for each in listed["notices"]} == {"de", "en"}
    digest = listed["notices"][0]["hash"]

    assert run(*home, "notice", "list")[0] == 0
    code, out = run(*home, "notice", "show", digest)
    assert (code, hashlib.sha256(out.encode()).hexdigest()) == (0, digest)
    code, out = run("--json", *home, "notice", "show", digest[:8])
    assert hashlib.sha256(json.loads(out)["text"].encode()).hexdigest() == digest
    assert run("--json", *home, "notice", "show", "00000000")[0] == 2
