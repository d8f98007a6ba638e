"""The record of processing from the live configuration, and what changed in it since a day (Article 30 GDPR; GOV-1).

The state of an earlier day is made the same way: from the catalogue in force then, and from the schemes and recipients
there were. Measures are those of today on both sides, because nothing keeps what they were.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from api.workflows.measures import measures
from audit.errors import BadInput
from governance.catalogue import Catalogue, parse_catalogue
from governance.papers import Change, Paper, changes
from governance.record_of_processing import Circumstances, RecipientSeen, SchemeSeen, record_of_processing
from governance.store_catalogue import versions
from governance.vocabulary import Language, Text
from segmentation import store, store_exports

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House

LEFT_THE_HOUSE = ("approved", "built", "released", "expired")


@dataclass(frozen=True)
class RecordChanges:
    """What changed in the record since the beginning of a day."""

    since: date
    known: bool
    """Whether a catalogue was in force by then; else everything is new."""
    changes: tuple[Change, ...]

    def to_json(self, language: Language) -> dict[str, Any]:
        """In one language."""
        return {
            "since": self.since.isoformat(),
            "known": self.known,
            "changes": [one.to_json(language) for one in self.changes],
        }


def processing_record(house: House, *, now: datetime) -> Paper:
    """The record as it is now."""
    with house.work.reading() as connection:
        return record_of_processing(house.catalogue, _circumstances(house, connection, now, now))


def record_changes(house: House, since: date, *, now: datetime) -> RecordChanges:
    """What differs from the record as it was when that day began.

    Raises:
        BadInput: the day lies ahead.
    """
    if since > house.today(now):
        raise BadInput("Changes are told since a day that has begun; this one lies ahead.")
    zone = ZoneInfo(house.catalogue.controller.time_zone)
    start = datetime.combine(since, time(), zone).astimezone(UTC)
    with house.work.reading() as connection:
        after = record_of_processing(house.catalogue, _circumstances(house, connection, now, now))
        then = _catalogue_at(connection, start)
        if then is None:
            return RecordChanges(since, known=False, changes=changes(_empty(after), after))
        before = record_of_processing(then, _circumstances(house, connection, now, start))
    return RecordChanges(since, known=True, changes=changes(before, after))


def _empty(paper: Paper) -> Paper:
    return Paper(paper.kind, paper.title, paper.lead, paper.controller, ())


def _catalogue_at(connection: Connection, at: datetime) -> Catalogue | None:
    found = next((document for since, document in versions(connection) if since <= at), None)
    return parse_catalogue(found) if found is not None else None


def _circumstances(house: House, connection: Connection, now: datetime, at: datetime) -> Circumstances:
    return Circumstances(
        now=now,
        today=house.today(at),
        recipients=recipients_seen(connection, before=at),
        schemes=schemes_seen(connection, before=at),
        measures=measures(house, connection),
    )


def recipients_seen(connection: Connection, *, before: datetime) -> tuple[RecipientSeen, ...]:
    """Everybody an export for them was approved by then, each once a purpose."""
    found: dict[RecipientSeen, None] = {}
    for row in store_exports.all_exports(connection):
        if row.approved_by is None or row.requested_at > before + timedelta(0):
            continue
        document = json.loads(row.document)
        to = document["recipient"]
        seen = RecipientSeen(
            document["purpose"], to["name"], to["country"], to["role"], to.get("ground"), to.get("reference")
        )
        found[seen] = None
    return tuple(found)


def schemes_seen(connection: Connection, *, before: datetime) -> tuple[SchemeSeen, ...]:
    """The newest version of each scheme by then."""
    newest: dict[str, SchemeSeen] = {}
    for row in store.all_definitions(connection):
        if row.created_at > before:
            continue
        document = json.loads(row.document)
        label = document.get("label") or {"de": row.scheme, "en": row.scheme}
        newest[row.scheme] = SchemeSeen(
            document["purpose"], row.scheme, Text(label["de"], label["en"]), document["kind"]
        )
    return tuple(newest[scheme] for scheme in sorted(newest))
