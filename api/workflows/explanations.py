"""Explain one person's assignment, for the person, the desk and the officer alike (Article 15(1)(h) GDPR; C-203/22).

From the stored record and model only. Looking at somebody's record is a reading of personal data and becomes a fact,
`assignment:explained`, in the same breath.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from api.workflows.price_gates import PriceInForce, in_force_on
from api.workflows.stored_definitions import OUTDATED, StoredDefinition, stored_definition
from audit import log
from audit.database import from_microseconds
from audit.errors import NotFound
from audit.fact import Fact, FactValue
from governance.vocabulary import REASON_TEXT, Decision, Language, Reason, Text
from segmentation import membership, store_exports
from segmentation.explain import CorrectionNote, Explanation, PriceNote, Surroundings, explain
from segmentation.record import NO_SEGMENT, unpack
from segmentation.report import report_from_json

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House
    from governance.vocabulary import Actor
    from segmentation.membership import Live, Member


class NotInScheme(NotFound):
    """The run holds no record of that person."""


class ReferenceUnknown(NotFound):
    """Nobody is held under that reference."""


@dataclass(frozen=True)
class ExplainedAssignment:
    """An explanation, and what holds at this instant. In both languages; *language* is the one to show."""

    explanation: Explanation
    language: Language
    decision: Decision
    """Whether processing for the scheme's purpose is lawful now, and why."""
    in_effect: bool
    """Whether the person is in a segment now."""
    fact: int
    """Entry of the log about this reading."""
    note: Text | None = None
    """What else is to be said about it, such as that the catalogue changed since."""

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it, in the chosen language."""
        return self.explanation.to_json(self.language) | {
            "language": self.language,
            "lawful_now": self.decision.lawful,
            "reason_now": REASON_TEXT[self.decision.reason].in_language(self.language),
            "in_effect": self.in_effect,
            "log_entry": self.fact,
            "note": self.note.in_language(self.language) if self.note else None,
        }


def explain_reference(
    house: House, scheme: str, reference: str, *, language: Language = "de", actor: Actor, now: datetime
) -> ExplainedAssignment:
    """Explain the assignment of whoever the controller knows under that reference.

    Raises:
        ReferenceUnknown, NotInScheme, SchemeUnknown, NeverRun: there is nothing to explain.
    """
    with house.work.reading() as connection:
        unit = membership.live(connection, scheme).unit
    [pseudonym] = house.vault.find(unit, [reference])
    with house.work.reading() as connection:
        subject = store_exports.subject_of(connection, pseudonym) if pseudonym is not None else None
    if subject is None:
        raise ReferenceUnknown(f"no {unit.value} is held under that reference; check it on an invoice or in the import")
    return explain_subject(house, scheme, subject, language=language, actor=actor, now=now)


def explain_subject(
    house: House, scheme: str, subject: int, *, language: Language = "de", actor: Actor, now: datetime
) -> ExplainedAssignment:
    """Explain the assignment of a subject by the live run.

    Raises:
        NotInScheme, SchemeUnknown, NeverRun: there is nothing to explain.
    """
    with house.work.reading() as connection:
        live = membership.live(connection, scheme)
        stored = stored_definition(house, connection, live.definition, at=live.run.now)
        member = member_now(house, connection, live, stored, subject, now=now)
        explanation = _explanation(house, connection, live, stored, member, now)
    with house.work.writing() as connection:
        body: dict[str, FactValue] = {"scheme": scheme, "run": live.run.id, "language": language}
        index = log.append(connection, [Fact("assignment:explained", str(actor), now, body, (subject,))])
    note = None if stored.holds else OUTDATED
    return ExplainedAssignment(explanation, language, member.decision, member.segment is not None, index, note)


def member_now(
    house: House, connection: Connection, live: Live, stored: StoredDefinition, subject: int, *, now: datetime
) -> Member:
    """Where the person stands now; nowhere, for a purpose that the catalogue does not declare any more."""
    declared = house.catalogue.purposes.get(stored.definition.purpose)
    member = membership.member(connection, live, declared or stored.purpose, subject, now=now)
    if declared is None and member.decision.lawful:
        return replace(member, segment=None, decision=Decision(lawful=False, reason=Reason.ASSESSMENT_EXPIRED))
    return member


def _explanation(
    house: House, connection: Connection, live: Live, stored: StoredDefinition, member: Member, now: datetime
) -> Explanation:
    if member.assignment is None:
        raise NotInScheme(
            f"run {live.run.id} of the scheme {live.scheme!r} holds no record of this person; it was not permitted then"
        )
    record = unpack(member.assignment.record, live.model.layout)
    correction = _correction(live, member)
    segment = record.effective if correction is None else _corrected(live, member)
    fields = {**house.catalogue.fields, **stored.catalogue.fields}
    around = Surroundings(
        field_labels={key: field.label for key, field in fields.items()},
        suggestable={key: field.mutable and field.suggestable for key, field in fields.items()},
        suppressed=_suppressed(live),
        correction=correction,
        prices=_prices(house, connection, live, segment, now),
        effective=segment,
    )
    told = explain(stored.definition, live.model, record, around, decided_at=from_microseconds(record.now))
    return told if record.run == live.run.id else replace(told, steps=(*told.steps, _confirmed(live)))


def _confirmed(live: Live) -> Text:
    at = live.run.now
    return Text(
        f"Lauf {live.run.id} vom {at:%d.%m.%Y} hat das bestätigt: Es hat sich seither nichts geändert.",
        f"Run {live.run.id} of {at:%Y-%m-%d} confirmed it: nothing has changed since.",
    )


def _correction(live: Live, member: Member) -> CorrectionNote | None:
    row = member.correction
    if row is None:
        return None
    named = next((segment for segment in live.model.segments if segment.key == row.segment), None)
    role = row.author.partition(":")[0]
    return CorrectionNote(row.kind, named.name_for_subject if named else None, role, row.created_at)


def _corrected(live: Live, member: Member) -> int:
    """The segment of the correction in force, which may be newer than the record."""
    wanted = member.correction.segment if member.correction is not None else None
    keys = [segment.key for segment in live.model.segments]
    return keys.index(wanted) if wanted in keys else NO_SEGMENT


def _suppressed(live: Live) -> frozenset[int]:
    """Segments of the run that were too small."""
    if live.run.report is None:
        return frozenset()
    report = report_from_json(live.run.report)
    return frozenset(number for number, segment in enumerate(report.segments) if segment.suppressed)


def _prices(house: House, connection: Connection, live: Live, segment: int, now: datetime) -> tuple[PriceNote, ...]:
    key = live.model.segments[segment].key if segment != NO_SEGMENT else None
    return tuple(_note(price, key) for price in in_force_on(house, connection, live.scheme, now=now))


def _note(price: PriceInForce, key: str | None) -> PriceNote:
    policy = price.stored.policy
    amounts = policy.discount(key), policy.price(key), policy.base
    return PriceNote(policy.name, *amounts, policy.currency, on_hold=not price.stands)
