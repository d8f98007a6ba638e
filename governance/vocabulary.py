"""The words of the house as closed types; pure, and imported by every package above.

Each enumeration is closed and stored by its value, so that a word in a table, a log entry, an API answer and a
sentence of the law is the same word.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

Language = Literal["de", "en"]


@dataclass(frozen=True)
class Text:
    """The same sentence in both languages, as one value: neither can be forgotten."""

    de: str
    en: str

    def in_language(self, language: Language) -> str:
        """The sentence in that language."""
        return self.de if language == "de" else self.en


class LegalBasis(StrEnum):
    """Why processing is lawful (Article 6(1) GDPR)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGITIMATE_INTERESTS = "legitimate_interests"


class Unit(StrEnum):
    """What a scheme assigns: a contact (always a person) or an account (a company, perhaps a person)."""

    CONTACT = "contact"
    ACCOUNT = "account"


class Channel(StrEnum):
    """How a message would reach somebody (§ 7 UWG distinguishes them)."""

    EMAIL = "email"
    PHONE = "phone"
    POST = "post"
    SMS = "sms"


CHANNEL_BITS: dict[Channel, int] = {Channel.EMAIL: 1, Channel.PHONE: 2, Channel.POST: 4, Channel.SMS: 8}


class Act(StrEnum):
    """What somebody declared, in the past tense."""

    REQUESTED = "requested"
    GIVEN = "given"
    RENEWED = "renewed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"
    OBJECTED = "objected"
    OBJECTION_LIFTED = "objection_lifted"
    FIELD_WITHHELD = "field_withheld"
    FIELD_RELEASED = "field_released"


class Scope(StrEnum):
    """What an objection is against (Article 21 GDPR)."""

    PURPOSE = "purpose"
    GENERAL = "general"
    MARKETING = "marketing"
    PROFILING = "profiling"


class Source(StrEnum):
    """Who a declaration came from; an import never raises a permission."""

    SUBJECT = "subject"
    DESK_FOR_SUBJECT = "desk_for_subject"
    CONTROLLER_API = "controller_api"
    IMPORT = "import"
    SIGNAL = "signal"


class ConsentState(StrEnum):
    """The consent states of DPV 2.3 that a purpose can be in; only the first two permit."""

    GIVEN = "given"
    RENEWED = "renewed"
    UNKNOWN = "unknown"
    REQUESTED = "requested"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class EffectClass(StrEnum):
    """What a segment leads to; price and contract are treated as decisions under Article 22 GDPR."""

    NONE = "none"
    MARKETING = "marketing"
    PRICE = "price"
    CONTRACT = "contract"


class Role(StrEnum):
    """Who acts: in the console, at the command line (`operator`), the machine (`engine`), the person concerned."""

    DPO = "dpo"
    MARKETING = "marketing"
    DESK = "desk"
    STEWARD = "steward"
    ADMIN = "admin"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    ENGINE = "engine"
    SUBJECT = "subject"


@dataclass(frozen=True)
class Actor:
    """Who called us: a role and a random handle, never a name (§ 26 BDSG, LOG-14)."""

    role: Role
    handle: str = ""

    def __str__(self) -> str:
        return f"{self.role.value}:{self.handle}" if self.handle else self.role.value


OPERATOR = Actor(Role.OPERATOR)
ENGINE = Actor(Role.ENGINE)
THE_SUBJECT = Actor(Role.SUBJECT)
"""The person concerned, in the portal or by a link in a mail; without a handle: the entry names its subject."""


class Reason(StrEnum):
    """Why processing is lawful or not, in words the subject may read; closed, so that no free text slips in."""

    CONSENT_GIVEN = "consent_given"
    CONTRACT_ACTIVE = "contract_active"
    INTERESTS_PREVAIL = "interests_prevail"
    NOT_A_PERSON = "not_a_person"
    NEVER_ASKED = "never_asked"
    REQUESTED_ONLY = "requested_only"
    CONSENT_REFUSED = "consent_refused"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CONSENT_EXPIRED = "consent_expired"
    CONSENT_UNKNOWN = "consent_unknown"
    OBJECTED = "objected"
    OBJECTED_TO_MARKETING = "objected_to_marketing"
    OBJECTED_TO_PROFILING = "objected_to_profiling"
    RESTRICTED = "restricted"
    ERASED = "erased"
    MINOR = "minor"
    NOT_INFORMED = "not_informed"
    NO_CONTRACT = "no_contract"
    ASSESSMENT_EXPIRED = "assessment_expired"
    CHANNEL_NOT_PERMITTED = "channel_not_permitted"
    CHANNEL_REFUSED = "channel_refused"
    NO_EXPRESS_CONSENT = "no_express_consent"
    ADDRESS_BLOCKED = "address_blocked"
    NO_CONTACT_POINT = "no_contact_point"
    NOT_ASSESSED = "not_assessed"


REASON_TEXT: dict[Reason, Text] = {
    Reason.CONSENT_GIVEN: Text("Es liegt eine Einwilligung vor.", "Consent was given."),
    Reason.CONTRACT_ACTIVE: Text("Es wird für den Vertrag gebraucht.", "It is needed for the contract."),
    Reason.INTERESTS_PREVAIL: Text(
        "Ein berechtigtes Interesse ist geprüft, und niemand hat widersprochen.",
        "A legitimate interest was assessed, and nobody objected.",
    ),
    Reason.NOT_A_PERSON: Text("Es betrifft ein Unternehmen, keine Person.", "It concerns a company, not a person."),
    Reason.NEVER_ASKED: Text("Nie um Einwilligung gebeten", "Never asked for consent"),
    Reason.REQUESTED_ONLY: Text("Einwilligung angefragt, nicht bestätigt", "Consent requested, not confirmed"),
    Reason.CONSENT_REFUSED: Text("Einwilligung abgelehnt", "Consent refused"),
    Reason.CONSENT_WITHDRAWN: Text("Einwilligung widerrufen", "Consent withdrawn"),
    Reason.CONSENT_EXPIRED: Text("Einwilligung abgelaufen", "Consent expired"),
    Reason.CONSENT_UNKNOWN: Text("Einwilligung ohne Nachweis", "Consent without evidence"),
    Reason.OBJECTED: Text("Der Verarbeitung widersprochen", "Objected to the processing"),
    Reason.OBJECTED_TO_MARKETING: Text("Der Werbung widersprochen", "Objected to marketing"),
    Reason.OBJECTED_TO_PROFILING: Text("Der Profilbildung widersprochen", "Objected to profiling"),
    Reason.RESTRICTED: Text("Verarbeitung eingeschränkt", "Processing restricted"),
    Reason.ERASED: Text("Gelöscht", "Erased"),
    Reason.MINOR: Text("Alter unter 16", "Under 16 years of age"),
    Reason.NOT_INFORMED: Text("Noch nicht informiert", "Not informed yet"),
    Reason.NO_CONTRACT: Text("Kein laufender Vertrag", "No active contract"),
    Reason.ASSESSMENT_EXPIRED: Text("Abwägung fehlt oder ist abgelaufen", "Assessment missing or expired"),
    Reason.CHANNEL_NOT_PERMITTED: Text("Dieser Kontaktweg ist nicht erlaubt", "This channel is not permitted"),
    Reason.CHANNEL_REFUSED: Text("Diesen Kontaktweg abgelehnt", "This channel was refused"),
    Reason.NO_EXPRESS_CONSENT: Text(
        "Für diesen Kontaktweg fehlt die ausdrückliche Einwilligung", "No express consent to this channel"
    ),
    Reason.ADDRESS_BLOCKED: Text("Adresse steht auf der Sperrliste", "Address is on the block list"),
    Reason.NO_CONTACT_POINT: Text("Keine Adresse für diesen Kontaktweg", "No address for this channel"),
    Reason.NOT_ASSESSED: Text("Zu wenige Angaben für eine Zuordnung", "Too few details to assign"),
}


@dataclass(frozen=True)
class Decision:
    """Whether processing is lawful, and the reason the subject may read."""

    lawful: bool
    reason: Reason


@dataclass(frozen=True)
class Declaration:
    """One thing somebody declared, with both of its times.

    A denial counts from the earlier time, a grant from the later one: doubt is on the subject's side.
    """

    act: Act
    scope: Scope
    purpose: str | None
    channel: Channel | None
    field: str | None
    said_at: datetime
    received_at: datetime
    source: Source
    notice: bytes | None = None
    has_evidence: bool = False
    evidence_said_at: datetime | None = None
    valid_until: datetime | None = None
