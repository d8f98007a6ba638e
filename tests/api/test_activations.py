"""A version runs when it is active: advertising at once, prices and contracts when the officer said so."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from api.wiring import House
from api.workflows import activations, segments
from api.workflows.activations import DecisionRefused, NothingWaiting, VersionUnknown
from audit import log
from governance.vocabulary import OPERATOR, Actor, Role
from segmentation import store_activation
from segmentation.errors import DefinitionInvalid, NotActivated, SchemeUnknown
from tests.small_world import NOON, RULES, a_small_world

WRITER, OFFICER = Actor(Role.MARKETING, "m1"), Actor(Role.DPO, "d1")
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Sixty contacts, no scheme yet."""
    return a_small_world(tmp_path)


def a_scheme(least: int = 3, **changes: Any) -> str:
    """The scheme `value`, whose regulars ordered at least so often."""
    segment = RULES["segments"][0] | {"rule": {"feature": "orders", "at_least": least}}
    return json.dumps(RULES | {"segments": [segment]} | changes)


def priced(least: int = 3) -> str:
    """The same where prices hang on it."""
    return a_scheme(least, purpose="personalised_price", effect_class="price")


def kinds(house: House) -> list[str]:
    """What the log says of schemes, oldest first."""
    with house.work.reading() as connection:
        entries = log.entries(connection)
    return [entry.kind for entry in reversed(entries) if entry.kind.startswith("scheme:")]


def test_advertising_only_is_active_at_once_whoever_defines_it(house: House) -> None:
    """Nobody else has to look where nothing but advertising hangs on it (GOV-2)."""
    made = segments.define(house, a_scheme(), actor=WRITER, now=NOON)

    assert (made.state, made.active) == ("active", 1)
    assert kinds(house) == ["scheme:defined", "scheme:activated"]
    assert segments.run(house, "value", actor=WRITER, now=LATER).version == 1


def test_a_draft_does_not_run_and_the_active_version_goes_on(house: House) -> None:
    """What is being written changes nothing for anybody (Article 25 GDPR)."""
    segments.define(house, a_scheme(3), actor=WRITER, now=NOON, activate=False)
    with pytest.raises(NotActivated):
        segments.run(house, "value", actor=WRITER, now=LATER)
    activations.request(house, "value", actor=WRITER, now=NOON)
    draft = segments.define(house, a_scheme(4), actor=WRITER, now=NOON, activate=False)

    assert (draft.version, draft.state, draft.active) == (2, "draft", 1)
    assert segments.run(house, "value", actor=WRITER, now=LATER).version == 1
    shown = segments.show(house, "value", now=LATER)
    assert (shown.state.version, shown.state.draft) == (1, 2)
    assert shown.definition["segments"][0]["rule"]["at_least"] == 3


def test_a_price_waits_for_the_officer_who_must_be_somebody_else(house: House) -> None:
    """Whoever wrote or asked never approves (Articles 35 and 38 GDPR, GOV-7)."""
    made = segments.define(house, priced(), actor=WRITER, now=NOON)
    assert (made.state, made.active) == ("requested", None)
    with pytest.raises(NotActivated):
        segments.run(house, "value", actor=WRITER, now=LATER)
    with pytest.raises(DecisionRefused):
        activations.decide(house, "value", approve=True, note="", actor=WRITER, now=LATER)

    state = activations.decide(house, "value", approve=True, note="Geprüft", actor=OFFICER, now=LATER)

    assert (state.state, state.decided_by, state.note) == ("active", "dpo:d1", "Geprüft")
    assert kinds(house) == ["scheme:defined", "scheme:activation_requested", "scheme:activated"]
    assert segments.run(house, "value", actor=WRITER, now=LATER).version == 1


def test_the_author_cannot_approve_what_somebody_else_asked_for(house: House) -> None:
    """Two pairs of eyes are two people, also by a detour (GOV-7)."""
    segments.define(house, priced(), actor=OFFICER, now=NOON, activate=False)
    activations.request(house, "value", actor=WRITER, now=NOON)

    with pytest.raises(DecisionRefused):
        activations.decide(house, "value", approve=True, note="", actor=OFFICER, now=LATER)


def test_a_refusal_says_why_and_leaves_the_active_version_in_place(house: House) -> None:
    """A no needs a reason that whoever asked can act on."""
    segments.define(house, priced(3), actor=OPERATOR, now=NOON)
    segments.define(house, priced(4), actor=WRITER, now=NOON)
    with pytest.raises(DecisionRefused):
        activations.decide(house, "value", approve=False, note=" ", actor=OFFICER, now=LATER)

    state = activations.decide(house, "value", approve=False, note="Erst die Prüfung", actor=OFFICER, now=LATER)

    assert state.state == "refused"
    assert activations.versions(house, "value").active == 1
    assert kinds(house)[-1] == "scheme:refused"
    with pytest.raises(NothingWaiting):
        activations.decide(house, "value", approve=True, note="", actor=OFFICER, now=LATER)


def test_the_operator_activates_a_price_at_once_and_the_log_says_that_nobody_else_looked(house: House) -> None:
    """A house of one is told from a house of two (GOV-7)."""
    segments.define(house, priced(), actor=OPERATOR, now=NOON)

    with house.work.reading() as connection:
        activated = log.entries(connection, kind="scheme:activated")
    assert [entry.body["approval"] for entry in activated] == ["operator"]


def test_going_back_is_activating_the_older_version_again(house: House) -> None:
    """Every change can be undone, and the log holds both ways."""
    for least in (3, 4):
        segments.define(house, a_scheme(least), actor=WRITER, now=NOON)

    back = activations.request(house, "value", actor=WRITER, now=LATER, version=1)

    assert (back.version, back.state) == (1, "active")
    found = activations.versions(house, "value")
    assert (found.active, found.newest, found.draft) == (1, 2, 2)
    assert [each.state for each in found.history] == ["active", "superseded", "superseded"]
    with pytest.raises(VersionUnknown):
        activations.request(house, "value", actor=WRITER, now=LATER, version=3)


def test_asking_again_or_for_another_version_leaves_one_request(house: House) -> None:
    """The officer decides about what was looked at, not about what took its place."""
    segments.define(house, priced(3), actor=WRITER, now=NOON)
    first = activations.request(house, "value", actor=WRITER, now=NOON)
    again = activations.request(house, "value", actor=WRITER, now=NOON)
    segments.define(house, priced(4), actor=WRITER, now=NOON)

    assert first.number == again.number
    assert [each.version for each in activations.waiting(house)] == [2]
    with pytest.raises(NothingWaiting):
        activations.decide(house, "value", approve=True, note="", actor=OFFICER, now=LATER, number=first.number)
    activations.withdraw(house, "value", actor=WRITER, now=LATER)
    assert activations.waiting(house) == ()
    assert kinds(house).count("scheme:withdrawn") == 2


def test_what_the_catalogue_no_longer_carries_is_not_approved(house: House) -> None:
    """An approval is given under today's purposes (Article 5(1)(b) GDPR)."""
    from dataclasses import replace

    from governance.catalogue import parse_catalogue

    segments.define(house, priced(), actor=WRITER, now=NOON)
    gone = parse_catalogue(house.catalogue.document.replace("personalised_price", "another_price"))
    with pytest.raises(DefinitionInvalid):
        activations.decide(replace(house, catalogue=gone), "value", approve=True, note="", actor=OFFICER, now=LATER)
    assert activations.versions(house, "value").active is None


def test_a_scheme_that_is_switched_off_neither_runs_nor_leaves(house: House, an_export: Callable[[], str]) -> None:
    """Off means off: the live run stays for whoever asks about it, and nothing is exported by it."""
    from api.workflows import export_requests

    segments.define(house, a_scheme(), actor=WRITER, now=NOON)
    segments.run(house, "value", actor=WRITER, now=NOON)
    asked = export_requests.request(house, an_export(), actor=WRITER, now=LATER)
    export_requests.approve(house, asked.number, actor=OFFICER, now=LATER)

    activations.deactivate(house, "value", actor=WRITER, now=LATER)

    from api.workflows import exports

    with pytest.raises(NotActivated):
        segments.run(house, "value", actor=WRITER, now=LATER)
    with pytest.raises(NotActivated):
        export_requests.request(house, an_export(), actor=WRITER, now=LATER)
    with pytest.raises(NotActivated):
        exports.build(house, asked.number, actor=WRITER, now=LATER)
    assert activations.request(house, "value", actor=WRITER, now=LATER).state == "active"


def test_nothing_is_activated_that_nobody_defined(house: House) -> None:
    """A scheme without a name is no scheme."""
    with pytest.raises(SchemeUnknown):
        activations.request(house, "nothing", actor=WRITER, now=NOON)


def test_existing_homes_go_on_running_their_newest_versions(tmp_path: Path) -> None:
    """The step to version 0002 of the store makes what ran until then active."""
    from alembic import command

    from api.workflows import stores
    from audit.database import open_database

    database = open_database(f"sqlite:///{tmp_path / 'old.db'}")
    with database.writing() as connection:
        command.upgrade(stores._config(connection, "work"), "0001")
        for version in (1, 2):
            connection.execute(
                text(
                    "INSERT INTO definition (digest, scheme, version, document, created_at, created_by)"
                    " VALUES (:digest, 'value', :version, :document, 1, 'operator')"
                ),
                {"digest": bytes([version]) * 32, "version": version, "document": '{"effect_class":"price"}'},
            )
        command.upgrade(stores._config(connection, "work"), "0002")
    with database.reading() as connection:
        rows = store_activation.of_scheme(connection, "value")
    assert [(row.definition, row.state, row.effect_class) for row in rows] == [(b"\x02" * 32, "active", "price")]
    database.close()


@pytest.fixture
def an_export() -> Callable[[], str]:
    """A request for the regulars' letters."""

    def made() -> str:
        return json.dumps(
            {
                "purpose": "personalised_offers",
                "scheme": "value",
                "segments": ["gold"],
                "recipient": {"name": "Druckerei", "country": "DE", "role": "processor"},
                "fields": ["contact.email"],
                "channel": "email",
                "valid": "P7D",
                "mode": "contact_points",
                "language": "de",
            }
        )

    return made
