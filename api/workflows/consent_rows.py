"""Rows of a consent file as declarations: what is complete, what is unknown, and how to mend the rest.

A yes counts only with its evidence, its date, the notice that was shown and the channel (CON-12, Article 7(1) GDPR);
otherwise it is kept as unknown, which permits nothing. A no needs none of that: without a date it counts from today.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from api.workflows.consent_words import ACT_WORDS, ANSWERS, CHANNELS, MEND, SOURCE_WORDS, WIDE, Problem
from consent.decision import LAW_ZONE
from governance.deadlines import add_duration
from governance.vocabulary import Act, Channel, Declaration, Scope, Source, Text

if TYPE_CHECKING:
    from governance.catalogue import Catalogue
    from governance.purposes import Purpose


@dataclass(frozen=True)
class ConsentRow:
    """A row of the file as words."""

    row: int
    words: Mapping[str, str]
    day: date | None
    day_unread: bool


@dataclass(frozen=True)
class Outranking:
    """The declaration that outranks a row: what, how, when, and where the log proves it; nothing of whom."""

    act: Act
    scope: Scope
    source: Source
    said_at: datetime
    received_at: datetime
    entry: int | None
    """Index of its entry in the log."""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "act": self.act.value,
            "scope": self.scope.value,
            "source": self.source.value,
            "said_at": self.said_at.isoformat(),
            "received_at": self.received_at.isoformat(),
            "entry": self.entry,
        }

    @property
    def text(self) -> Text:
        """In a sentence."""
        day = self.said_at.astimezone(LAW_ZONE).date()
        act, source = ACT_WORDS[self.act], SOURCE_WORDS[self.source]
        place = Text("", "") if self.entry is None else Text(f", Eintrag {self.entry}", f", entry {self.entry}")
        return Text(
            f"Vorrang hat: {act.de} vom {day:%d.%m.%Y}, {source.de}{place.de}.",
            f"What outranks it: {act.en} of {day:%Y-%m-%d}, {source.en}{place.en}.",
        )


@dataclass(frozen=True)
class ConsentNote:
    """A row that did not count, or not in full; never with a value."""

    row: int
    column: str
    reason: Problem
    outranked_by: Outranking | None = None

    @property
    def mend(self) -> Text:
        """How to mend it, and what stands against it."""
        text = MEND[self.reason]
        if self.outranked_by is None:
            return text
        proof = self.outranked_by.text
        return Text(f"{text.de} {proof.de}", f"{text.en} {proof.en}")

    def to_json(self) -> dict[str, Any]:
        """Row, column, reason, how to mend it in both languages, and of a refused yes what outranks it."""
        told: dict[str, Any] = {
            "row": self.row,
            "column": self.column,
            "reason": self.reason.value,
            "mend": {"de": self.mend.de, "en": self.mend.en},
        }
        if self.outranked_by is not None:
            told["outranked_by"] = self.outranked_by.to_json()
        return told


@dataclass(frozen=True)
class Parsed:
    """What a row says; `declaration` None when it cannot be taken."""

    declaration: Declaration | None
    evidence: bytes | None
    notes: tuple[ConsentNote, ...]
    dated: bool


class RowReader:
    """Turns words into declarations by the catalogue; knows no person."""

    def __init__(self, catalogue: Catalogue, notices: Mapping[tuple[str, str], bytes], *, now: datetime) -> None:
        self._now, self._notices = now, notices
        self._zone = ZoneInfo(catalogue.controller.time_zone)
        self._purposes: dict[str, Purpose] = {}
        self._instants: dict[tuple[date, bool], datetime] = {}
        self._ends: dict[tuple[datetime, str], datetime] = {}
        for purpose in catalogue.purposes.values():
            for word in (purpose.label.en, purpose.label.de, purpose.key):
                self._purposes[word.casefold()] = purpose

    def parse(self, row: ConsentRow) -> Parsed:
        """What the row declares, with a note for each thing that keeps it from counting."""
        word = row.words["purpose"].casefold()
        purpose, wide = self._purposes.get(word), WIDE.get(word)
        channel_word = row.words["channel"].casefold()
        channel = CHANNELS.get(channel_word)
        act = ANSWERS.get(row.words["answer"].casefold())
        wrong = [
            ("reference", Problem.REFERENCE_MISSING, not row.words["reference"]),
            ("purpose", Problem.PURPOSE_UNKNOWN, purpose is None and wide is None),
            ("channel", Problem.CHANNEL_UNKNOWN, bool(channel_word) and channel is None),
            ("answer", Problem.ANSWER_UNKNOWN, act is None),
            ("date", Problem.DATE_NOT_READ, row.day_unread),
            ("date", Problem.DATE_IN_FUTURE, row.day is not None and row.day > self._now.astimezone(self._zone).date()),
        ]
        notes = tuple(ConsentNote(row.row, column, reason) for column, reason, hit in wrong if hit)
        if notes or act is None:
            return Parsed(None, None, notes, row.day is not None)
        if purpose is None:
            return self._wide(row, act, wide or Scope.GENERAL)
        return self._narrow(row, act, purpose, channel)

    def _wide(self, row: ConsentRow, act: Act, scope: Scope) -> Parsed:
        if act not in (Act.REFUSED, Act.WITHDRAWN, Act.OBJECTED):
            note = ConsentNote(row.row, "answer", Problem.PURPOSE_UNKNOWN)  # nobody consents to all marketing at once
            return Parsed(None, None, (note,), row.day is not None)
        evidence = self._evidence(row)
        return Parsed(self._declaration(row, Act.OBJECTED, scope, evidence), evidence, (), row.day is not None)

    def _narrow(self, row: ConsentRow, act: Act, purpose: Purpose, channel: Channel | None) -> Parsed:
        evidence = self._evidence(row)
        notes: tuple[ConsentNote, ...] = ()
        if act is Act.GIVEN:
            notes = self._incomplete(row, purpose, channel)
            act, evidence = (Act.UNKNOWN, None) if notes else (act, evidence)
        declaration = self._declaration(row, act, Scope.PURPOSE, evidence, purpose=purpose, channel=channel)
        return Parsed(declaration, evidence, notes, row.day is not None)

    def _incomplete(self, row: ConsentRow, purpose: Purpose, channel: Channel | None) -> tuple[ConsentNote, ...]:
        lacking = [
            ("evidence", Problem.EVIDENCE_MISSING, not row.words["evidence"]),
            ("date", Problem.DATE_MISSING, row.day is None),
            ("notice", Problem.NOTICE_MISSING, not row.words["notice"]),
            ("channel", Problem.CHANNEL_MISSING, channel is None and bool(purpose.channels)),
        ]
        return tuple(ConsentNote(row.row, column, reason) for column, reason, hit in lacking if hit)

    def _declaration(
        self,
        row: ConsentRow,
        act: Act,
        scope: Scope,
        evidence: bytes | None,
        *,
        purpose: Purpose | None = None,
        channel: Channel | None = None,
    ) -> Declaration:
        said_at = self._said_at(row.day, denies=act in (Act.REFUSED, Act.WITHDRAWN, Act.OBJECTED))
        valid_until = None
        if act is Act.GIVEN and purpose is not None and purpose.consent_validity is not None:
            valid_until = self._end(said_at, purpose.consent_validity)
        return Declaration(
            act=act,
            scope=scope,
            purpose=None if purpose is None else purpose.key,
            channel=channel,
            field=None,
            said_at=said_at,
            received_at=self._now,
            source=Source.IMPORT,
            notice=None if purpose is None else self._notices.get((purpose.key, row.words["notice"])),
            has_evidence=evidence is not None,
            evidence_said_at=said_at if evidence is not None else None,
            valid_until=valid_until,
        )

    def _end(self, said_at: datetime, validity: str) -> datetime:
        key = (said_at, validity)
        if key not in self._ends:
            self._ends[key] = add_duration(said_at, validity, str(self._zone)).astimezone(UTC)
        return self._ends[key]

    def _said_at(self, day: date | None, *, denies: bool) -> datetime:
        """A date without a time: a yes from its first instant, a no to its last; a no without a date from now."""
        if day is None:
            return self._now
        key = (day, denies)
        if key not in self._instants:
            self._instants[key] = self._instant(day, denies=denies)
        return self._instants[key]

    def _instant(self, day: date, *, denies: bool) -> datetime:
        if not denies:
            return datetime.combine(day, time.min, self._zone).astimezone(UTC)
        end = datetime.combine(day + timedelta(days=1), time.min, self._zone).astimezone(UTC) - timedelta(
            microseconds=1
        )
        return min(end, self._now)

    def _evidence(self, row: ConsentRow) -> bytes | None:
        if not row.words["evidence"]:
            return None
        shown = {
            "evidence": row.words["evidence"],
            "notice": row.words["notice"],
            "date": row.day and row.day.isoformat(),
        }
        return json.dumps(shown, ensure_ascii=False, sort_keys=True).encode()
