"""Rows of a file of facts: which open a channel with their evidence, and how to mend the others; pure.

One row is about one person, purpose and channel. For e-mail and text messages it holds the evidence of every fact of
§ 7(3) UWG, a column each; for calls the reason for presumed consent. A row that lacks one is refused whole: three facts
open nothing (UWG-2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from api.workflows.consent_mapping import FileWords
from api.workflows.consent_words import CHANNELS, GUESSES
from api.workflows.grounds import check_purpose
from consent.errors import GroundInvalid
from consent.grounds import CUSTOMER_FACTS, Ground, GroundKind
from governance.vocabulary import Channel, Text

if TYPE_CHECKING:
    from governance.catalogue import Catalogue

EVIDENCE = tuple(kind.value for kind in GroundKind)
GROUNDS = FileWords(
    kind="grounds",
    columns=("reference", "purpose", "channel", "date", *EVIDENCE),
    needed=("reference", "purpose", "channel", "date"),
    guesses={
        **{key: GUESSES[key] for key in ("reference", "purpose", "channel")},
        "date": ("date", "datum", "since", "seit", "sale_date", "kaufdatum"),
        "address_from_sale": ("address_from_sale", "sale", "verkauf", "auftrag", "bestellung"),
        "own_similar_goods": ("own_similar_goods", "similar_goods", "aehnliche_waren", "ähnliche_waren"),
        "notice_at_collection": ("notice_at_collection", "hinweis_bei_erhebung"),
        "notice_at_each_use": ("notice_at_each_use", "hinweis_bei_verwendung", "hinweis_je_mail"),
        "presumed_consent": ("presumed_consent", "reason", "grund", "anlass"),
    },
)


class GroundProblem(StrEnum):
    """What is wrong with a row."""

    REFERENCE_MISSING = "reference_missing"
    PERSON_UNKNOWN = "person_unknown"
    PURPOSE_UNKNOWN = "purpose_unknown"
    NOT_OPENED_BY_FACTS = "not_opened_by_facts"
    CHANNEL_UNKNOWN = "channel_unknown"
    DATE_MISSING = "date_missing"
    DATE_NOT_READ = "date_not_read"
    DATE_IN_FUTURE = "date_in_future"
    EVIDENCE_MISSING = "evidence_missing"
    NOT_A_BUSINESS = "not_a_business"
    ROW_SPOILED = "row_spoiled"


MEND: dict[GroundProblem, Text] = {
    GroundProblem.REFERENCE_MISSING: Text("Eine Kundennummer eintragen.", "Fill in the reference."),
    GroundProblem.PERSON_UNKNOWN: Text("Zuerst den Kontakt importieren.", "Import the contact first."),
    GroundProblem.PURPOSE_UNKNOWN: Text(
        "Einen Zweck des Katalogs eintragen oder `values.purpose` in der Zuordnung ergänzen.",
        "Fill in a purpose of the catalogue, or add it to `values.purpose` in the mapping.",
    ),
    GroundProblem.NOT_OPENED_BY_FACTS: Text(
        "Der Zweck beruht auf Einwilligung, ist keine Werbung oder nutzt diesen Kontaktweg nicht; die Zeile entfällt.",
        "The purpose rests on consent, is no advertising, or does not use this channel; leave the row out.",
    ),
    GroundProblem.CHANNEL_UNKNOWN: Text(
        "email, sms oder phone eintragen oder `values.channel` ergänzen.",
        "Fill in email, sms or phone, or add it to `values.channel`.",
    ),
    GroundProblem.DATE_MISSING: Text("Angeben, seit wann es zutrifft.", "Say since when it holds."),
    GroundProblem.DATE_NOT_READ: Text("Ein Datum wie 31.12.2025 eintragen.", "Fill in a date such as 2025-12-31."),
    GroundProblem.DATE_IN_FUTURE: Text(
        "Das Datum liegt in der Zukunft; prüfen.", "The date lies in the future; check it."
    ),
    GroundProblem.EVIDENCE_MISSING: Text(
        "Angeben, was es belegt; ohne Beleg bleibt der Kontaktweg zu.",
        "Say what shows it; without evidence the channel stays closed.",
    ),
    GroundProblem.NOT_A_BUSINESS: Text(
        "Bei Verbrauchern wird keine Einwilligung vermutet; eine ausdrückliche einholen.",
        "A consumer's consent is never presumed; ask for an express one.",
    ),
    GroundProblem.ROW_SPOILED: Text("Die Zeile richtigstellen.", "Correct the row."),
}


@dataclass(frozen=True)
class GroundRow:
    """A row of the file as words."""

    row: int
    words: Mapping[str, str]
    day: date | None
    day_unread: bool


@dataclass(frozen=True)
class GroundNote:
    """A row that was not taken; never with a value."""

    row: int
    column: str
    reason: GroundProblem

    def to_json(self) -> dict[str, Any]:
        """Row, column, reason, and how to mend it in both languages."""
        mend = MEND[self.reason]
        return {
            "row": self.row,
            "column": self.column,
            "reason": self.reason.value,
            "mend": {"de": mend.de, "en": mend.en},
        }


Facts = list[tuple[Ground, bytes]]
"""Facts of one row with their evidence in clear."""


class GroundReader:
    """Turns words into facts by the catalogue; knows no person."""

    def __init__(self, catalogue: Catalogue, *, now: datetime) -> None:
        self._now, self._catalogue = now, catalogue
        self._zone = ZoneInfo(catalogue.controller.time_zone)
        self._purposes = {
            word.casefold(): purpose
            for purpose in catalogue.purposes.values()
            for word in (purpose.label.en, purpose.label.de, purpose.key)
        }

    def parse(self, row: GroundRow) -> Facts | list[GroundNote]:
        """The facts of a row, or a note for each thing that keeps it from being taken."""
        purpose = self._purposes.get(row.words["purpose"].casefold())
        channel = CHANNELS.get(row.words["channel"].casefold())
        wrong = {
            "reference": GroundProblem.REFERENCE_MISSING if not row.words["reference"] else None,
            "purpose": GroundProblem.PURPOSE_UNKNOWN if purpose is None else None,
            "channel": GroundProblem.CHANNEL_UNKNOWN if channel is None else None,
            "date": self._wrong_date(row),
        }
        if purpose is not None and channel is not None:
            try:
                check_purpose(purpose, channel)
            except GroundInvalid:
                wrong["purpose"] = GroundProblem.NOT_OPENED_BY_FACTS
            wrong |= _lacking(row, channel)
        notes = [GroundNote(row.row, column, reason) for column, reason in wrong.items() if reason is not None]
        if notes or purpose is None or channel is None or row.day is None:
            return notes
        since = datetime.combine(row.day, time.min, self._zone).astimezone(UTC)
        return [(Ground(purpose.key, channel, kind, since), row.words[kind.value].encode()) for kind in _kinds(channel)]

    def _wrong_date(self, row: GroundRow) -> GroundProblem | None:
        if row.day_unread:
            return GroundProblem.DATE_NOT_READ
        if row.day is None:
            return GroundProblem.DATE_MISSING
        future = row.day > self._now.astimezone(self._zone).date()
        return GroundProblem.DATE_IN_FUTURE if future else None


def _kinds(channel: Channel) -> tuple[GroundKind, ...]:
    return (GroundKind.PRESUMED_CONSENT,) if channel is Channel.PHONE else CUSTOMER_FACTS


def _lacking(row: GroundRow, channel: Channel) -> dict[str, GroundProblem | None]:
    if channel is Channel.POST:  # needs no fact: nobody has to be let in by the file
        return {"channel": GroundProblem.CHANNEL_UNKNOWN}
    return {kind.value: GroundProblem.EVIDENCE_MISSING for kind in _kinds(channel) if not row.words[kind.value]}
