"""Where one person stood on a day: permissions, segments, prices, exports (Articles 5(2) and 15 GDPR).

Permissions are replayed from the ledger as it was known by then; segments come from the run that was live then with the
corrections in force; nothing is taken from today but the facts that have no history, and those are named. Reading it is
one fact with the person as its subject.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from api.workflows.stored_definitions import stored_definition
from audit import log
from audit.errors import BadInput, NotFound
from audit.fact import Fact
from consent import ledger
from consent.decision import decide, state_of
from consent.replay import effective_at, objections_of
from consent.standing import SubjectFacts
from governance import store_prices
from governance.catalogue import parse_catalogue
from governance.papers import Line, Paper, Part, both
from governance.store import subject_row
from governance.store_catalogue import versions
from governance.vocabulary import REASON_TEXT, Text
from segmentation import store, store_assignments, store_corrections, store_exports
from segmentation.models import parse_model
from segmentation.record import NO_SEGMENT

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House
    from api.workflows.declaring import Subject
    from governance.catalogue import Catalogue
    from governance.vocabulary import Actor, Declaration
    from segmentation.store import RunRow

NOWHERE = Text("in keinem Segment", "in no segment")
NONE = Text("keine", "none")
YES, NO = Text("zulässig", "permitted"), Text("nicht zulässig", "not permitted")


@dataclass(frozen=True)
class Placed:
    """Where somebody was in one scheme."""

    scheme: str
    segment: str | None
    line: Line


def state_on(house: House, subject: Subject, day: date, *, actor: Actor, now: datetime) -> Paper:
    """The person's state at the end of a day, or at this instant for today.

    Raises:
        BadInput: the day lies ahead.
        NotFound: there is no such person.
    """
    at = _end_of(house, day, now)
    with house.work.reading() as connection:
        catalogue = _catalogue_at(connection, at) or house.catalogue
        history = list(_known(connection, subject.number, at))
        placed = list(_places(house, connection, subject.number, at))
        parts = (
            _permissions(connection, catalogue, subject.number, history, at),
            Part(
                "segments",
                Text("Segmente", "Segments"),
                Text("Art. 15 Abs. 1 Buchst. h DSGVO", "Art. 15(1)(h) GDPR"),
                tuple(one.line for one in placed) or (Line("none", Text("Segmente", "Segments"), (NONE,)),),
            ),
            _prices(connection, placed, at),
            _exports(connection, subject.number, at),
        )
    with house.work.writing() as connection:
        body = {"view": "state", "day": day.isoformat()}
        log.append(connection, [Fact("subject:viewed", str(actor), now, body, (subject.number,))])
    return Paper(
        kind="person_state",
        title=Text(f"Stand am {day:%d.%m.%Y}", f"State on {day.isoformat()}"),
        lead=Text(
            "Nachgerechnet aus dem, was bis dahin erklärt und gespeichert war. Angaben ohne Verlauf, wie ein "
            "laufender Vertrag, sind von heute.",
            "Computed again from what had been declared and stored by then. Details without a history, such as a "
            "running contract, are today's.",
        ),
        controller=catalogue.controller.name,
        parts=parts,
    )


def _end_of(house: House, day: date, now: datetime) -> datetime:
    if day > house.today(now):
        raise BadInput("A state is told for a day that has begun; this one lies ahead.")
    zone = ZoneInfo(house.catalogue.controller.time_zone)
    return min(now, datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC) - timedelta(microseconds=1))


def _catalogue_at(connection: Connection, at: datetime) -> Catalogue | None:
    found = next((document for since, document in versions(connection) if since <= at), None)
    return parse_catalogue(found) if found is not None else None


def _known(connection: Connection, subject: int, at: datetime) -> Iterator[Declaration]:
    for row in ledger.recorded(connection, subject):
        declaration = row.declaration
        if declaration.received_at <= at and effective_at(declaration) <= at:
            yield declaration


def _permissions(
    connection: Connection, catalogue: Catalogue, subject: int, history: Sequence[Declaration], at: datetime
) -> Part:
    row = subject_row(connection, subject)
    if row is None:
        raise NotFound("nobody is held under this number")
    facts = SubjectFacts(
        natural=row.natural,
        restricted=row.restricted_at is not None and row.restricted_at <= at,
        erased=row.erased_at is not None and row.erased_at <= at,
        minor=row.minor,
        informed=row.informed_at is not None and row.informed_at <= at,
        contract_active=bool(row.contract_active),
        counterparty=row.counterparty,
    )
    lines = []
    for purpose in catalogue.purposes.values():
        standing = state_of(history, purpose=purpose.key, now=at)
        decision = decide(purpose, facts, standing, objections_of(history), now=at)
        answer = YES if decision.lawful else NO
        lines.append(Line(purpose.key, purpose.label, (answer, REASON_TEXT[decision.reason])))
    return Part(
        "permissions",
        Text("Was mit den Daten geschehen durfte", "What was permitted"),
        Text("Art. 6, 7, 21 DSGVO", "Art. 6, 7, 21 GDPR"),
        tuple(lines),
    )


def _places(house: House, connection: Connection, subject: int, at: datetime) -> Iterator[Placed]:
    newest: dict[str, RunRow] = {}
    for run in store.published_runs(connection):
        if run.published_at is not None and run.published_at <= at:
            newest[run.scheme] = run
    for scheme in sorted(newest):
        placed = _place(house, connection, newest[scheme], subject, at)
        if placed is not None:
            yield placed


def _place(house: House, connection: Connection, run: RunRow, subject: int, at: datetime) -> Placed | None:
    row = store_assignments.assignment_of(connection, run.id, subject)
    model_row = store.model_of(connection, run.model) if run.model else None
    definition = store.definition_of(connection, run.definition)
    corrected = [
        one
        for one in store_corrections.of_subject(connection, subject, run.scheme)
        if one.created_at <= at and (one.lifted_at is None or one.lifted_at > at)
    ]
    if model_row is None or definition is None or (row is None and not corrected):
        return None
    model = parse_model(model_row.document, model_row.digest)
    label = stored_definition(house, connection, definition, at=run.now).definition.label
    key = model.segments[row.effective].key if row is not None and row.effective != NO_SEGMENT else None
    made = (store.run_of(connection, row.run) if row is not None else None) or run  # it may stand in an earlier run
    values = [Text(f"Lauf {made.id}", f"run {made.id}")]
    if corrected:
        key = corrected[-1].segment
        values.append(Text("von Menschen korrigiert", "corrected by people"))
    named = next((segment.name for segment in model.segments if segment.key == key), None)
    told = named or NOWHERE
    if row is not None and made.fact is not None:
        values.append(Text(f"Eintrag {made.fact} im Protokoll", f"log entry {made.fact}"))
    return Placed(run.scheme, key, Line(run.scheme, label, (told, *values)))


def _prices(connection: Connection, placed: Sequence[Placed], at: datetime) -> Part:
    lines = []
    for policy, _ in store_prices.policies_at(connection, at):
        where = next((one for one in placed if one.scheme == policy.scheme), None)
        if where is not None:
            amount = f"{policy.price(where.segment) / 100:.2f} {policy.currency}"
            lines.append(Line(policy.name, both(policy.name), (both(amount),)))
    return Part(
        "prices",
        Text("Preise, die daran hingen", "Prices that depended on it"),
        Text("Art. 15 Abs. 1 Buchst. h, Art. 22 DSGVO", "Art. 15(1)(h), Art. 22 GDPR"),
        tuple(lines) or (Line("none", Text("Preise", "Prices"), (NONE,)),),
    )


def _exports(connection: Connection, subject: int, at: datetime) -> Part:
    lines = []
    for row in store_exports.exports_of(connection, subject):
        built = datetime.fromisoformat(row.manifest["built_at"]) if row.manifest else row.requested_at
        if built <= at:
            to = json.loads(row.document)["recipient"]
            told = f"{to['name']}, {to['country']}, {built:%Y-%m-%d %H:%M} UTC"
            lines.append(Line(str(row.id), Text(f"Ausgabe {row.id}", f"Export {row.id}"), (both(told),)))
    return Part(
        "exports",
        Text("Wer die Daten bekam", "Who received the data"),
        Text("Art. 15 Abs. 1 Buchst. c DSGVO", "Art. 15(1)(c) GDPR"),
        tuple(lines) or (Line("none", Text("Empfänger", "Recipients"), (NONE,)),),
    )
