"""The controller's own website and CRM read and write one person's preferences.

A customer reference is asked for once, in a body; from then on the person goes by a handle, sealed, for one caller and
one hour, so that no address ever holds personal data (SEC-6) and any process can read it. Whoever writes names the
state that the change rests on (SEC-2); a repeated call with the same key gets the first answer again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from api.workflows import declaring
from api.workflows.preferences import Choice, Preferences, Proof, choose, preferences
from audit import log
from audit.database import from_microseconds, to_microseconds
from audit.errors import BadInput, NotFound, Refused
from audit.fact import Fact
from consent.errors import ChangedMeanwhile, MayNotRaise
from governance import store_idempotency as store
from governance.keys import KeyRole, derive, length_prefixed
from governance.vocabulary import Source

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.wiring import House
    from api.workflows.declaring import Subject
    from governance.vocabulary import Actor, Language, Unit

USE = "preferences"
ANSWERS = "idempotency"
LASTS = timedelta(hours=1)
TAG_BYTES = 18
_NUMBER = 8


class HandleVoid(NotFound):
    """The handle was not made here for this caller, its hour is over, or the person was erased."""


class PreconditionMissing(Refused):
    """A change without the state it rests on would overwrite what somebody else decided."""


class RaiseNotAllowed(Refused):
    """The person said no, and this token may not bring a later yes."""


class KeyInUse(Refused):
    """A call with the same idempotency key is under way."""


class KeyReused(BadInput):
    """The idempotency key was used for another request."""


@dataclass(frozen=True)
class Handle:
    """How one caller names one person for an hour."""

    handle: str = field(repr=False)
    expires_at: datetime

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {"handle": self.handle, "expires_at": self.expires_at.isoformat()}


@dataclass(frozen=True)
class Read:
    """The preferences of one person, and the tag that names this state."""

    preferences: Preferences
    tag: str

    def to_json(self) -> dict[str, Any]:
        """The preferences; the tag goes into a header."""
        return self.preferences.to_json()


@dataclass(frozen=True)
class Shown:
    """What shows an act of the person: when it happened and where it is documented."""

    said_at: datetime
    reference: str = field(repr=False)


@dataclass(frozen=True)
class Change:
    """Some choices of one person, as a system of the controller brings them."""

    choices: tuple[Choice, ...]
    language: Language
    """In which the notice was read."""
    shown: Shown | None
    may_raise: bool
    """Whether the caller may bring a yes after a no."""


@dataclass(frozen=True)
class Answer:
    """What a call is answered; kept for repetitions."""

    body: dict[str, Any]
    tag: str
    repeated: bool = False


def find(house: House, reference: str, unit: Unit, *, caller: str, actor: Actor, now: datetime) -> Handle:
    """A handle for whoever is kept under that reference; that somebody asked is one fact of the log.

    Raises:
        NotFound: nobody is.
    """
    subject = declaring.find(house, reference, unit)
    with house.work.writing() as connection:
        log.append(connection, [Fact("subject:viewed", str(actor), now, {"view": "preferences"}, (subject.number,))])
    expires_at = now + LASTS
    content = to_microseconds(expires_at).to_bytes(_NUMBER, "big") + subject.number.to_bytes(_NUMBER, "big")
    return Handle(house.links.seal(USE, content + caller.encode()), expires_at)


def open_handle(house: House, handle: str, *, caller: str, now: datetime) -> Subject:
    """Whom a handle stands for.

    Raises:
        HandleVoid: it is of another caller, too old or no handle, or the person is not here any more.
    """
    content = house.links.open(USE, handle)
    if content is None or not hmac.compare_digest(content[2 * _NUMBER :], caller.encode()):
        raise HandleVoid
    if from_microseconds(int.from_bytes(content[:_NUMBER], "big")) <= now:
        raise HandleVoid
    try:
        return declaring.of_number(house, int.from_bytes(content[_NUMBER : 2 * _NUMBER], "big"))
    except NotFound:
        raise HandleVoid from None


def read(house: House, subject: Subject, *, now: datetime) -> Read:
    """What somebody may be used for now, with a tag that changes whenever that changes."""
    found = preferences(house, subject, now=now)
    return Read(found, _tag(house, subject, found))


def write(house: House, subject: Subject, change: Change, tags: Sequence[str], *, actor: Actor, now: datetime) -> Read:
    """Record some choices, if the state is still one of those named.

    Raises:
        PreconditionMissing: no state is named.
        ChangedMeanwhile: it is another one by now; nothing was recorded.
        RaiseNotAllowed, MayNotRaise: a yes where the person said no, and no later act of theirs that counts.
    """
    if not tags:
        raise PreconditionMissing
    before = read(house, subject, now=now)
    if before.tag not in tags:
        raise ChangedMeanwhile("the state is another one")
    try:
        choose(
            house,
            subject,
            change.choices,
            source=Source.CONTROLLER_API,
            actor=actor,
            now=now,
            language=change.language,
            proof=_proof(change),
            expected=before.preferences.version,
        )
    except MayNotRaise:
        if change.shown is not None and not change.may_raise:
            raise RaiseNotAllowed from None
        raise
    return read(house, subject, now=now)


def once(
    house: House, caller: str, key: str | None, request: bytes, work: Callable[[], Answer], *, now: datetime
) -> Answer:
    """Do the work, or give the answer of the first call with the same key.

    Args:
        key: the caller's own; None: the call may be done as often as it comes.
        request: what is asked; the same key with another request is a mistake.

    Raises:
        KeyReused, KeyInUse: see there.
    """
    if key is None:
        return work()
    number, digest = _sha256(caller.encode(), key.encode()), hashlib.sha256(request).digest()
    with house.work.writing() as connection:
        held = store.claim(connection, number, digest, now=now)
    if held is not None:
        return _again(house, held, digest)
    try:
        answer = work()
    except Exception:
        with house.work.writing() as connection:
            store.release(connection, number)
        raise
    sealed = house.links.seal(ANSWERS, json.dumps({"body": answer.body, "tag": answer.tag}).encode())
    with house.work.writing() as connection:
        store.answered(connection, number, 200, sealed.encode())
    return answer


def request_of(subject: Subject, body: str) -> bytes:
    """What makes two calls the same one: whom it is about and what it says."""
    return length_prefixed(USE.encode(), subject.pseudonym, body.encode())


def _again(house: House, held: store.Held, digest: bytes) -> Answer:
    if held.request != digest:
        raise KeyReused
    opened = None if held.answer is None else house.links.open(ANSWERS, held.answer.decode())
    if opened is None:
        raise KeyInUse
    kept = json.loads(opened)
    return Answer(kept["body"], kept["tag"], repeated=True)


def _proof(change: Change) -> Proof | None:
    """The evidence; without the right to raise it may not outrank a no, so the instant stays in its text alone."""
    if change.shown is None:
        return None
    told = {"reference": change.shown.reference, "said_at": change.shown.said_at.isoformat()}
    return Proof(json.dumps(told, ensure_ascii=False).encode(), change.shown.said_at if change.may_raise else None)


def _tag(house: House, subject: Subject, found: Preferences) -> str:
    """A keyed hash of the state; where a change has arrived by now is no part of it."""
    state = {key: value for key, value in found.to_json().items() if key != "holders"}
    text = json.dumps(state, sort_keys=True).encode()
    key = derive(house.keys.current(KeyRole.LINK), b"state of preferences")
    message = length_prefixed(subject.pseudonym, house.catalogue.digest, text)
    return base64.urlsafe_b64encode(hmac.digest(key, message, "sha256")[:TAG_BYTES]).decode()


def _sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(length_prefixed(*parts)).digest()
