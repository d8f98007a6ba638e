"""The log is looked at every day, and the officer hears of what must not be (LOG-11, Article 32(1)(d) GDPR)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from api.mail import FolderMailer, Sender
from api.settings import read_settings
from api.wiring import House
from api.worker import drain
from api.workflows import portal, watching
from api.workflows.alarms import alarms
from api.workflows.compliance import Area, compliance
from api.workflows.home import examine, make_home
from api.workflows.log import sign_checkpoint
from audit.errors import BadInput, Unavailable
from governance import outbox
from governance.catalogue import load_catalogue
from governance.errors import CatalogueInvalid
from governance.vocabulary import OPERATOR, Actor, Role
from segmentation.tables import assignment
from tests.api.canaries import people_in
from tests.builders import default_catalogue
from tests.small_world import NOON, RULES, a_small_world, run_scheme

DAY = timedelta(days=1)
OFFICER = "datenschutz@example.org"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house with a scheme that ran, a signed log, and an officer who reads mail."""
    made = a_small_world(tmp_path, people=20, gold=12)
    run_scheme(made, RULES)
    sign_checkpoint(made, now=NOON)
    limits = replace(made.catalogue.alarms, mail=OFFICER, reads_per_hour=3)
    yield replace(made, catalogue=replace(made.catalogue, alarms=limits))
    made.close()


def mails(house: House) -> list[str]:
    """What the worker sends."""
    folder = house.settings.outbox_folder
    before = set(folder.glob("*"))
    drain(house, FolderMailer(folder, Sender("Muster", OFFICER)), now=NOON + DAY)
    return [path.read_text(encoding="utf-8").replace("=\n", "") for path in sorted(set(folder.glob("*")) - before)]


def alter_a_row(house: House) -> None:
    """Somebody moves a person in the database, past every workflow."""
    with house.work.writing() as connection:
        connection.execute(update(assignment).where(assignment.c.subject == 3).values(effective=1))
        connection.execute(update(assignment).where(assignment.c.subject == 3).values(record=b"x" * 20))


def test_a_sound_log_is_looked_at_and_nobody_is_disturbed(house: House) -> None:
    """The look is remembered where doctor and metrics find it."""
    last = watching.look(house, now=NOON)

    assert last.ok
    assert watching.last_look(house.settings) == last
    assert mails(house) == []
    assert watching.is_watched(house, now=NOON).endswith("alarms go out by mail")


def test_an_altered_decision_is_told_once_and_names_nobody(house: House) -> None:
    """Deleted or altered rows lead to an alarm (LOG-11); the mail says where to look, never at whom."""
    alter_a_row(house)

    assert watching.look(house, now=NOON).alarms == ("deep",)
    [mail] = mails(house)
    assert f"To: {OFFICER}" in mail
    assert "/console/compliance" in mail
    assert people_in(mail.encode(), 20) == []
    watching.look(house, now=NOON + timedelta(hours=1))
    assert mails(house) == []
    with pytest.raises(BadInput, match="deep"):
        watching.is_watched(house, now=NOON)


def test_whoever_looks_people_up_by_the_dozen_is_told_to_the_officer(house: House) -> None:
    """PSE-7: beyond the threshold of the house, once per stretch."""
    for number in range(1, 6):
        portal.letter_for(house, f"K{number:04d}", actor=Actor(Role.DESK, "d1"), now=NOON)

    assert [alarm.kind for alarm in alarms(house, now=NOON)] == ["many_reads"]
    assert (watching.tell(house, now=NOON), watching.tell(house, now=NOON)) == (1, 0)
    [mail] = mails(house)
    assert people_in(mail.encode(), 20) == []


def test_without_an_address_nothing_waits_and_doctor_says_so(house: House) -> None:
    """The page has the alarms all the same."""
    quiet = replace(house, catalogue=replace(house.catalogue, alarms=replace(house.catalogue.alarms, mail="")))
    alter_a_row(quiet)
    watching.look(quiet, now=NOON)

    with quiet.work.reading() as connection:
        assert not outbox.is_due(connection, now=NOON)
    (quiet.settings.home / "monitor" / "last.json").unlink()
    assert watching.is_watched(quiet, now=NOON).startswith("nobody looked yet")


def test_a_look_that_is_two_days_old_is_a_finding(house: House) -> None:
    """A monitor that stopped is as good as none (T25)."""
    watching.look(house, now=NOON)

    assert watching.is_watched(house, now=NOON + DAY)
    with pytest.raises(BadInput, match="nobody looked since 2026-11-22"):
        watching.is_watched(house, now=NOON + 3 * DAY)


def test_two_look_one_after_the_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else everything would be told twice."""

    def meanwhile(*_: object, **__: object) -> None:
        watching.look(house, now=NOON)

    monkeypatch.setattr("api.workflows.monitoring.watch_house", meanwhile)
    with pytest.raises(Unavailable):
        watching.look(house, now=NOON)


def test_doctor_looks_at_monitor_and_witnesses(tmp_path: Path) -> None:
    """Both are told of, also where there are none (LOG-3)."""
    settings = read_settings({}, tmp_path / "home")
    make_home(settings, actor=OPERATOR, now=NOON)
    found = {check.name: check.detail for check in examine(settings, now=NOON).checks}

    assert found["monitor"].startswith("nobody looked yet")
    assert found["witnesses"].startswith("none")


@pytest.mark.parametrize("address", ["nobody", "a@b", "a@example.org, b@example.org", "A <a@example.org>"])
def test_an_address_that_is_none_is_a_mistake_of_the_catalogue(tmp_path: Path, address: str) -> None:
    """Named with its place, like every other one."""
    path = tmp_path / "catalogue.toml"
    path.write_text(default_catalogue() + f'\n[alarms]\nmail = "{address}"\n', encoding="utf-8")

    with pytest.raises(CatalogueInvalid, match=r"alarms\.mail"):
        load_catalogue(path)


def test_the_page_of_compliance_tells_of_the_look_and_of_witnesses(house: House) -> None:
    """Whoever answers for the log sees that somebody looks at it, and who vouches for it (LOG-3, LOG-11)."""

    def told(now: datetime = NOON) -> list[tuple[str, str]]:
        matters = compliance(house, now=now).matters
        return [(one.kind, one.text.en) for one in matters if one.area is Area.LOG][1:]

    assert told() == [("attention", "never yet checked by itself"), ("attention", "no witness")]
    watching.look(house, now=NOON)
    assert told()[0] == ("ok", "last checked by itself on 2026-11-22")
    assert told(NOON + 3 * DAY)[0][0] == "attention"
    alter_a_row(house)
    watching.look(house, now=NOON)
    assert told()[0] == ("refused", "something did not fit on 2026-11-22")
