"""Which version of a scheme may run, and who said so (Articles 24, 25 and 35 GDPR; GOV-2, GOV-7).

A version is a draft until it is active. What is only advertising becomes active at once; where a price or a contract
hangs on it, the officer decides, who must be somebody else than whoever wrote or asked. The command line is the
operator, who answers for the whole house: what the operator activates is active, and the log says that nobody else
looked. Going back is activating an older version again.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from api.workflows.activation_results import ActivationState, Versions
from audit import log
from audit.errors import BadInput, NotFound, Refused
from audit.fact import Fact, FactValue
from governance.vocabulary import Actor, EffectClass, Role
from segmentation import store, store_activation
from segmentation.definitions import parse_definition
from segmentation.errors import AssessmentMissing, NotActivated, SchemeUnknown
from segmentation.store_activation import ACTIVE, REFUSED, REQUESTED, SUPERSEDED, WITHDRAWN, ActivationRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House
    from governance.purposes import Purpose
    from segmentation.store import DefinitionRow

NEEDS_OFFICER = frozenset({EffectClass.PRICE, EffectClass.CONTRACT})
MAX_NOTE = 2_000
"""Characters of the officer's note."""


class VersionUnknown(NotFound):
    """The scheme has no version of that number."""


class NothingWaiting(Refused):
    """No version waits for a decision, or another one than was looked at."""


class DecisionRefused(Refused):
    """Whoever wrote a version or asked for it cannot approve it, and a refusal says why."""


def needs_officer(effect: EffectClass, actor: Actor) -> bool:
    """Whether somebody else has to say yes before the version runs."""
    return effect in NEEDS_OFFICER and actor.role is not Role.OPERATOR


def active_definition(connection: Connection, scheme: str) -> DefinitionRow | None:
    """The version of a scheme that runs; None when there is none."""
    return store_activation.active_definition(connection, scheme)


def shown_definition(connection: Connection, scheme: str) -> DefinitionRow:
    """What stands for a scheme in lists: the active version, or the newest draft where none is.

    Raises:
        SchemeUnknown: no such scheme.
    """
    return store_activation.active_definition(connection, scheme) or version_row(connection, scheme)


def running_definition(connection: Connection, scheme: str) -> DefinitionRow:
    """The version of a scheme that runs.

    Raises:
        SchemeUnknown: no such scheme.
        NotActivated: it has drafts only, or was switched off.
    """
    row = store_activation.active_definition(connection, scheme)
    if row is None:
        if store.latest_definition(connection, scheme) is None:
            raise SchemeUnknown(scheme)
        raise NotActivated(scheme)
    return row


def request(
    house: House, scheme: str, *, actor: Actor, now: datetime, version: int | None = None, preview: str | None = None
) -> ActivationState:
    """Ask for a version to run, the newest unless another is named; active at once where nobody else must look.

    Args:
        preview: what whoever asks was shown, as JSON; the officer reads it.

    Raises:
        SchemeUnknown, VersionUnknown: there is no such version.
        DefinitionInvalid, FieldNotPermitted: the catalogue does not carry it any more.
    """
    with house.work.writing() as connection:
        log.lock(connection)  # before anything is read: two requests at once leave one version active
        row = version_row(connection, scheme, version)
        number, facts = ask(house, connection, row, actor=actor, now=now, preview=preview)
        if facts:
            log.append(connection, facts)
        return _state(connection, _row(connection, scheme, number))


def ask(
    house: House, connection: Connection, row: DefinitionRow, *, actor: Actor, now: datetime, preview: str | None = None
) -> tuple[int, list[Fact]]:
    """The same within the caller's transaction: the row's number, and the facts still to be appended."""
    effect = parse_definition(row.document, house.catalogue).effect_class
    waits = needs_officer(effect, actor)
    if not waits:
        _check_assessed(house, row, now)
    for state in (ACTIVE, REQUESTED) if waits else (ACTIVE,):
        standing = store_activation.in_state(connection, row.scheme, state)
        if standing is not None and standing.definition == row.digest:
            return standing.id, []
    facts = _take_back(connection, row.scheme, actor=actor, now=now)
    number = store_activation.add(connection, row, REQUESTED, effect.value, actor=str(actor), now=now, preview=preview)
    if waits:
        return number, [*facts, _fact("scheme:activation_requested", row, actor, now, effect=effect.value)]
    approval = "operator" if effect in NEEDS_OFFICER else "none_needed"
    return number, [*facts, _activate(connection, number, row, actor=actor, now=now, note="", approval=approval)]


def decide(
    house: House, scheme: str, *, approve: bool, note: str, actor: Actor, now: datetime, number: int | None = None
) -> ActivationState:
    """The officer says yes or no to the version that waits.

    Args:
        note: why, naming nobody; a refusal needs it.
        number: the request that was looked at; another one that took its place meanwhile is not decided.

    Raises:
        SchemeUnknown: no such scheme.
        NothingWaiting: no version waits, or another one by now.
        DecisionRefused: the actor wrote it or asked for it; a refusal has no note.
        DefinitionInvalid, FieldNotPermitted: it is approved, but the catalogue does not carry it any more.
    """
    if len(note) > MAX_NOTE:
        raise BadInput(f"a note has at most {MAX_NOTE} characters")
    if not approve and not note.strip():
        raise DecisionRefused("a refusal says why: whoever asked has to know what to change")
    with house.work.writing() as connection:
        log.lock(connection)
        asked = _waiting(connection, scheme, number)
        row = _defined(connection, asked)
        if actor.role is not Role.OPERATOR and str(actor) in (asked.requested_by, row.created_by):
            raise DecisionRefused(f"version {row.version} of {scheme!r} needs somebody who neither wrote it nor asked")
        if approve:
            _check_assessed(house, row, now)
            fact = _activate(connection, asked.id, row, actor=actor, now=now, note=note.strip(), approval="officer")
        else:
            store_activation.settle(connection, asked.id, REFUSED, actor=str(actor), now=now, note=note.strip())
            fact = _fact("scheme:refused", row, actor, now, effect=asked.effect_class)
        log.append(connection, [fact])
        return _state(connection, _row(connection, scheme, asked.id))


def _check_assessed(house: House, row: DefinitionRow, now: datetime) -> None:
    """Nothing becomes active whose assessment is missing or over (PRI-6, GOV-2).

    Raises:
        AssessmentMissing: says for which purpose.
        DefinitionInvalid, FieldNotPermitted: the catalogue does not carry it any more.
    """
    definition = parse_definition(row.document, house.catalogue)
    purpose = house.catalogue.purpose(definition.purpose)
    if purpose.lacks_assessment(definition.effect_class, house.today(now)):
        raise AssessmentMissing(purpose.key)


def check_still_assessed(house: House, purpose: Purpose, effect: EffectClass, *, now: datetime) -> None:
    """Nothing that a price or a contract hangs on is computed or leaves once its assessment is over (Article 35(11)).

    A purpose of legitimate interests needs no look here: without its assessment nobody is permitted (PRI-6).

    Raises:
        AssessmentMissing: says for which purpose.
    """
    if effect in NEEDS_OFFICER and purpose.lacks_assessment(effect, house.today(now)):
        raise AssessmentMissing(purpose.key)


def withdraw(house: House, scheme: str, *, actor: Actor, now: datetime) -> ActivationState:
    """Take back the request that waits.

    Raises:
        SchemeUnknown: no such scheme.
        NothingWaiting: no version waits.
    """
    with house.work.writing() as connection:
        log.lock(connection)
        asked = _waiting(connection, scheme, None)
        log.append(connection, _take_back(connection, scheme, actor=actor, now=now))
        return _state(connection, _row(connection, scheme, asked.id))


def deactivate(house: House, scheme: str, *, actor: Actor, now: datetime) -> ActivationState:
    """Switch a scheme off: nothing runs, and nothing leaves by the run that is live, until a version is active again.

    Raises:
        SchemeUnknown: no such scheme.
        NotActivated: it is off already.
    """
    with house.work.writing() as connection:
        log.lock(connection)
        row = running_definition(connection, scheme)
        standing = store_activation.in_state(connection, scheme, ACTIVE)
        if standing is None:
            raise NotActivated(scheme)
        store_activation.settle(connection, standing.id, WITHDRAWN)
        log.append(connection, [_fact("scheme:withdrawn", row, actor, now, was=ACTIVE)])
        return _state(connection, _row(connection, scheme, standing.id))


def versions(house: House, scheme: str) -> Versions:
    """Where a scheme stands.

    Raises:
        SchemeUnknown: no such scheme.
    """
    with house.work.reading() as connection:
        return versions_of(connection, scheme)


def versions_of(connection: Connection, scheme: str) -> Versions:
    """The same within the caller's look at the database."""
    newest = version_row(connection, scheme)
    history = tuple(_state(connection, row) for row in store_activation.of_scheme(connection, scheme))
    active = next((each.version for each in history if each.state == ACTIVE), None)
    waiting = next((each for each in history if each.state == REQUESTED), None)
    return Versions(scheme, newest.version, active, waiting, history)


def waiting(house: House) -> tuple[ActivationState, ...]:
    """Every version that waits for the officer, oldest first."""
    with house.work.reading() as connection:
        return tuple(_state(connection, row) for row in store_activation.waiting(connection))


def _activate(
    connection: Connection, number: int, row: DefinitionRow, *, actor: Actor, now: datetime, note: str, approval: str
) -> Fact:
    before = store_activation.in_state(connection, row.scheme, ACTIVE)
    if before is not None:
        store_activation.settle(connection, before.id, SUPERSEDED)
    store_activation.settle(connection, number, ACTIVE, actor=str(actor), now=now, note=note)
    return _fact("scheme:activated", row, actor, now, approval=approval)


def _take_back(connection: Connection, scheme: str, *, actor: Actor, now: datetime) -> list[Fact]:
    asked = store_activation.in_state(connection, scheme, REQUESTED)
    if asked is None:
        return []
    store_activation.settle(connection, asked.id, WITHDRAWN, actor=str(actor), now=now)
    return [_fact("scheme:withdrawn", _defined(connection, asked), actor, now, was=REQUESTED)]


def _fact(kind: str, row: DefinitionRow, actor: Actor, now: datetime, **more: FactValue) -> Fact:
    body: dict[str, FactValue] = {"scheme": row.scheme, "version": row.version, "definition": row.digest, **more}
    return Fact(kind, str(actor), now, body)


def version_row(connection: Connection, scheme: str, version: int | None = None) -> DefinitionRow:
    """One version of a scheme, the newest unless another is named.

    Raises:
        SchemeUnknown, VersionUnknown: there is none.
    """
    newest = store.latest_definition(connection, scheme)
    if newest is None:
        raise SchemeUnknown(scheme)
    if version is None or version == newest.version:
        return newest
    row = store_activation.version_of(connection, scheme, version) if 0 < version < newest.version else None
    if row is None:
        raise VersionUnknown(f"the scheme {scheme!r} has versions 1 to {newest.version}, not {version}")
    return row


def _waiting(connection: Connection, scheme: str, number: int | None) -> ActivationRow:
    version_row(connection, scheme)
    asked = store_activation.in_state(connection, scheme, REQUESTED)
    if asked is None:
        raise NothingWaiting(f"no version of {scheme!r} waits for a decision")
    if number is not None and number != asked.id:
        raise NothingWaiting(f"another version of {scheme!r} waits by now; look at that one first")
    return asked


def _row(connection: Connection, scheme: str, number: int) -> ActivationRow:
    return next(row for row in store_activation.of_scheme(connection, scheme) if row.id == number)


def _defined(connection: Connection, row: ActivationRow) -> DefinitionRow:
    found = store.definition_of(connection, row.definition)
    if found is None:
        raise VersionUnknown(f"a version of {row.scheme!r} that was asked for is not stored")
    return found


def _state(connection: Connection, row: ActivationRow) -> ActivationState:
    return ActivationState(
        number=row.id,
        scheme=row.scheme,
        version=_defined(connection, row).version,
        state=row.state,
        effect_class=row.effect_class,
        requested_at=row.requested_at,
        requested_by=row.requested_by,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        note=row.note,
        preview=json.loads(row.preview) if row.preview else None,
    )
