"""What somebody declared, taken down by the desk, and where they stand by it; and consents from a file.

The vault resolves the reference; the ledger sees a number and sealed bytes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.workflows import declaring, webhooks
from api.workflows.consent_import import import_consents
from api.workflows.consent_report import ConsentImport
from audit import log
from audit.errors import NotFound
from audit.fact import Fact
from consent import ledger, notices
from consent.permission import decide_one
from consent.replay import position_of
from governance import store
from governance.deadlines import add_duration
from governance.vocabulary import REASON_TEXT, Act, Declaration, Language, Scope, Source, Unit

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.vocabulary import Actor, Channel

__all__ = [
    "ConsentImport",
    "DeclaredFor",
    "Said",
    "SubjectShown",
    "declare_for",
    "import_consents",
    "restrict_for",
    "show_subject",
]


@dataclass(frozen=True)
class DeclaredFor:
    """What came of one declaration; it acts from the moment it is committed."""

    recorded: int
    repeated: int
    entry: int | None
    """Its index in the log; None when it had been recorded before."""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {"recorded": self.recorded, "repeated": self.repeated, "entry": self.entry}


@dataclass(frozen=True)
class SubjectShown:
    """Where somebody stands, without a name; the view itself is in the log."""

    unit: str
    natural: bool
    restricted: bool
    informed: bool
    purposes: tuple[dict[str, Any], ...]
    """Per purpose: lawful, reason, its text, and each channel of the purpose."""
    withheld: tuple[dict[str, Any], ...]
    declarations: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "unit": self.unit,
            "natural": self.natural,
            "restricted": self.restricted,
            "informed": self.informed,
            "purposes": list(self.purposes),
            "withheld": list(self.withheld),
            "declarations": list(self.declarations),
        }


@dataclass(frozen=True)
class Said:
    """What somebody said, as the desk, the portal or the controller's API takes it down.

    `said_at` None is now. `evidence` (a letter's reference, a message) is sealed under the person's evidence key;
    `evidence_said_at` is when the act happened that it shows. `language` is that of the notice shown for a consent.
    """

    act: Act
    scope: Scope = Scope.PURPOSE
    purpose: str | None = None
    channel: Channel | None = None
    field: str | None = None
    said_at: datetime | None = None
    source: Source = Source.DESK_FOR_SUBJECT
    evidence: bytes | None = None
    evidence_said_at: datetime | None = None
    language: Language = "de"


def declare_for(
    house: House, reference: str, said: Said, *, actor: Actor, now: datetime, unit: Unit = Unit.CONTACT
) -> DeclaredFor:
    """Record one declaration of whoever is behind *reference*.

    Raises:
        NotFound: no such reference, purpose or field.
        MayNotRaise: it would raise what was denied, and is not the person's own later act.
        DeclarationInvalid: a time lies in the future, or a part is missing.
    """
    _check_words(house, said.purpose, said.field)
    subject = declaring.find(house, reference, unit)
    declaration = _declared(house, said, now)
    done = declaring.declare(house, subject, [declaration], actor=actor, now=now, evidence=[said.evidence])
    return DeclaredFor(done.recorded, done.repeated, done.entry)


def _declared(house: House, said: Said, now: datetime) -> Declaration:
    said_at = said.said_at or now
    asks = said.purpose is not None and said.act in (Act.GIVEN, Act.RENEWED, Act.REQUESTED)
    notice = house.catalogue.purposes[said.purpose].notice.text if asks and said.purpose else None
    return Declaration(
        act=said.act,
        scope=said.scope,
        purpose=said.purpose,
        channel=said.channel,
        field=said.field,
        said_at=said_at,
        received_at=now,
        source=said.source,
        notice=None if notice is None else notices.notice_hash(notice.in_language(said.language)),
        has_evidence=said.evidence is not None,
        evidence_said_at=said.evidence_said_at,
        valid_until=_valid_until(house, said.purpose, said.act, said_at),
    )


def restrict_for(
    house: House, reference: str, *, actor: Actor, now: datetime, unit: Unit = Unit.CONTACT
) -> DeclaredFor:
    """Restrict the processing of somebody's data (Article 18 GDPR).

    Raises:
        NotFound: no such reference.
    """
    number = declaring.find(house, reference, unit).number
    with house.work.writing() as connection:
        done = ledger.restrict(connection, number, actor=actor, now=now)
        entry = log.size(connection) - 1 if done else None
        if entry is not None:
            webhooks.announce(connection, house, number, entry, now=now)
    return DeclaredFor(int(done), int(not done), entry)


def show_subject(
    house: House, reference: str, *, actor: Actor, now: datetime, unit: Unit = Unit.CONTACT
) -> SubjectShown:
    """Where somebody stands for each purpose and channel, and everything they declared; the view is one fact.

    Raises:
        NotFound: no such reference.
    """
    number = declaring.find(house, reference, unit).number
    with house.work.reading() as connection:
        shown = _shown(house, connection, number, now)
    with house.work.writing() as connection:
        log.append(connection, [Fact("subject:viewed", str(actor), now, {"view": "permissions"}, (number,))])
    return shown


def _shown(house: House, connection: Connection, number: int, now: datetime) -> SubjectShown:
    row = store.subject_row(connection, number)
    if row is None:
        raise NotFound("nobody is kept under that reference any more")
    history = ledger.history(connection, number)
    stands = position_of(history)
    return SubjectShown(
        unit=row.unit,
        natural=bool(row.natural),
        restricted=row.restricted_at is not None,
        informed=row.informed_at is not None and row.informed_at <= now,
        purposes=tuple(_purpose(house, connection, number, key, now) for key in house.catalogue.purposes),
        withheld=tuple(
            {"purpose": purpose or None, "field": key, "withheld": hidden}
            for (purpose, key), hidden in sorted(stands.withheld.items())
        ),
        declarations=tuple(_declaration(each) for each in history),
    )


def _purpose(house: House, connection: Connection, number: int, key: str, now: datetime) -> dict[str, Any]:
    purpose = house.catalogue.purposes[key]
    decision = decide_one(connection, number, purpose, now=now)
    channels = {
        channel.value: decide_one(connection, number, purpose, now=now, channel=channel).lawful
        for channel in sorted(purpose.channels)
    }
    text = REASON_TEXT[decision.reason]
    return {
        "purpose": key,
        "lawful": decision.lawful,
        "reason": decision.reason.value,
        "text": {"de": text.de, "en": text.en},
        "channels": channels,
    }


def _declaration(d: Declaration) -> dict[str, Any]:
    return {
        "act": d.act.value,
        "scope": d.scope.value,
        "purpose": d.purpose,
        "channel": None if d.channel is None else d.channel.value,
        "field": d.field,
        "said_at": d.said_at.isoformat(),
        "received_at": d.received_at.isoformat(),
        "source": d.source.value,
        "evidence": d.has_evidence,
        "notice": None if d.notice is None else d.notice.hex(),
    }


def _check_words(house: House, purpose: str | None, field: str | None) -> None:
    if purpose is not None:
        house.catalogue.purpose(purpose)
    if field is not None and field not in house.catalogue.fields:
        raise NotFound("no such field in the catalogue; `lauter doctor` lists them")


def _valid_until(house: House, purpose: str | None, act: Act, said_at: datetime) -> datetime | None:
    if purpose is None or act not in (Act.GIVEN, Act.RENEWED):
        return None
    validity = house.catalogue.purposes[purpose].consent_validity
    zone = house.catalogue.controller.time_zone
    return None if validity is None else add_duration(said_at, validity, zone)
