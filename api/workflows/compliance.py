"""The state of the house as its officer wants to know it: what runs out, is overdue, is closed, is unusual.

Nothing here is kept: each line is looked up when it is asked for, so that it cannot be out of date (Article 39(1)(b)
GDPR).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from api.workflows import watching, witnesses
from api.workflows.alarms import alarms
from api.workflows.corrections import waiting as waiting_corrections
from api.workflows.export_requests import exports
from api.workflows.prices import policies
from api.workflows.stored_definitions import stored_definition
from audit import checkpoint, log
from audit.errors import LauterError
from governance import store_views
from governance.vocabulary import Text
from segmentation import store, store_activation
from segmentation.freshness import freshness

if TYPE_CHECKING:
    from datetime import date, datetime

    from api.wiring import House
    from governance.alarms import Alarm
    from governance.vocabulary import Actor

SOON = timedelta(days=90)
"""How long before its end an assessment is told."""
CHECKPOINT_AGE = timedelta(hours=24)


class Area(StrEnum):
    """What a line is about."""

    ASSESSMENTS = "assessments"
    SCHEMES = "schemes"
    CORRECTIONS = "corrections"
    PRICES = "prices"
    EXPORTS = "exports"
    LOG = "log"


@dataclass(frozen=True)
class Matter:
    """One line: `kind` is ok, attention or refused."""

    area: Area
    kind: str
    text: Text
    note: Text | None
    path: str

    def to_json(self) -> dict[str, Any]:
        """In both languages."""
        note = {"de": self.note.de, "en": self.note.en} if self.note else None
        return {
            "area": self.area.value,
            "kind": self.kind,
            "text": {"de": self.text.de, "en": self.text.en},
            "note": note,
        }


@dataclass(frozen=True)
class Compliance:
    """Every line by area, and the open alarms."""

    matters: tuple[Matter, ...]
    alarms: tuple[Alarm, ...]

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        told = [
            {"key": one.key, "kind": one.kind.value, "at": one.at.isoformat(), "count": one.count, "limit": one.limit}
            for one in self.alarms
        ]
        return {"matters": [matter.to_json() for matter in self.matters], "alarms": told}


@dataclass(frozen=True)
class News:
    """What happened since somebody last looked: how often each kind of fact."""

    since: datetime | None
    first: int
    size: int
    kinds: tuple[tuple[str, int], ...]


def compliance(house: House, *, now: datetime) -> Compliance:
    """How the house stands at this instant."""
    today = house.today(now)
    return Compliance(
        (
            *_assessments(house, today),
            *_schemes(house, now),
            *_corrections(house, now),
            *_prices(house, now),
            *_exports(house),
            *_log(house, now),
        ),
        alarms(house, now=now),
    )


def news(house: House, actor: Actor) -> News:
    """What happened since this actor's mark; all of it when there is none."""
    with house.work.reading() as connection:
        mark, size = store_views.seen_by(connection, str(actor)), log.size(connection)
        first = min(mark[0], size) if mark else 0
        counted: Counter[str] = Counter(log.kinds_between(connection, first, size))
    return News(mark[1] if mark else None, first, size, tuple(counted.most_common()))


def mark_seen(house: House, actor: Actor, size: int, *, now: datetime) -> None:
    """Note that this actor knows the first *size* entries; never more than there are, never fewer than before."""
    with house.work.writing() as connection:
        mark = store_views.seen_by(connection, str(actor))
        known = max(min(size, log.size(connection)), mark[0] if mark else 0)
        store_views.mark_seen(connection, str(actor), known, now=now)


def _assessments(house: House, today: date) -> Iterator[Matter]:
    for purpose in house.catalogue.purposes.values():
        found = purpose.assessment
        if found is None:
            continue
        until = Text(
            f"{found.reference}, bis {found.valid_until:%d.%m.%Y}", f"{found.reference}, until {found.valid_until}"
        )
        if not found.holds_on(today):
            text = Text(f"Abgelaufen: {purpose.label.de}", f"Expired: {purpose.label.en}")
            yield Matter(Area.ASSESSMENTS, "refused", text, until, "/console/records/processing")
        elif not found.holds_on(today + SOON):
            text = Text(f"Läuft bald ab: {purpose.label.de}", f"Runs out soon: {purpose.label.en}")
            yield Matter(Area.ASSESSMENTS, "attention", text, until, "/console/records/processing")
        else:
            yield Matter(Area.ASSESSMENTS, "ok", purpose.label, until, "/console/records/processing")


def _schemes(house: House, now: datetime) -> Iterator[Matter]:
    with house.work.reading() as connection:
        for row in store.latest_definitions(connection):
            active = store_activation.active_definition(connection, row.scheme)
            stored = stored_definition(house, connection, active or row)
            label, path = stored.definition.label, f"/console/segments/{row.scheme}"
            if not stored.holds:
                note = Text("Der Katalog trägt die Festlegung nicht mehr.", "The catalogue does not carry it any more.")
                yield Matter(Area.SCHEMES, "refused", label, note, path)
            elif active is None:
                yield Matter(Area.SCHEMES, "attention", label, Text("nicht aktiv", "not active"), path)
            else:
                found = freshness(connection, row.scheme, house.catalogue.controller, now=now)
                yield Matter(Area.SCHEMES, "attention" if found.stale else "ok", label, found.reason, path)


def _corrections(house: House, now: datetime) -> Iterator[Matter]:
    found = waiting_corrections(house, now=now)
    due, gone = sum(each.due for each in found), sum(each.homeless for each in found)
    if due:
        text = Text(f"{due} zur Überprüfung fällig", f"{due} due for review")
        yield Matter(Area.CORRECTIONS, "attention", text, None, "/console/corrections")
    if gone:
        text = Text(f"{gone} nennen ein Segment, das es nicht mehr gibt", f"{gone} name a segment that is gone")
        yield Matter(Area.CORRECTIONS, "refused", text, None, "/console/corrections")
    if not due and not gone:
        yield Matter(Area.CORRECTIONS, "ok", Text("keine überfällig", "none overdue"), None, "/console/corrections")


def _prices(house: House, now: datetime) -> Iterator[Matter]:
    for state in policies(house, now=now).policies:
        name = state.stored.policy.name
        label, path = Text(name, name), f"/console/prices/{name}"
        gate = state.active.gate if state.active is not None else state.gate
        if gate.open:
            yield Matter(Area.PRICES, "ok", label, Text("Sperre offen", "gate open"), path)
        else:
            yield Matter(Area.PRICES, "refused", label, gate.unmet[0].text, path)


def _exports(house: House) -> Iterator[Matter]:
    waits = [one for one in exports(house).exports if one.state == "requested"]
    for one in waits:
        text = Text(f"Ausgabe {one.number} wartet auf Freigabe", f"Export {one.number} waits for approval")
        yield Matter(Area.EXPORTS, "attention", text, None, f"/console/exports/{one.number}")
    if not waits:
        yield Matter(Area.EXPORTS, "ok", Text("keine wartet", "none waits"), None, "/console/exports")


def _log(house: House, now: datetime) -> Iterator[Matter]:
    yield _signed(house, now)
    yield _looked_at(house, now)
    yield _witnessed(house, now)


def _signed(house: House, now: datetime) -> Matter:
    with house.work.reading() as connection:
        size, signed = log.size(connection), checkpoint.last_signed(connection)
    if signed is None:
        return Matter(Area.LOG, "attention", Text("nie unterschrieben", "never signed"), None, "/console/verify")
    behind, old = size - signed[0], now - signed[1] > CHECKPOINT_AGE
    one = Text("ein Eintrag seither", "one entry since")
    note = one if behind == 1 else Text(f"{behind} Einträge seither", f"{behind} entries since")
    late = behind > 0 and old
    text = Text(f"zuletzt unterschrieben bei {signed[0]} Einträgen", f"last signed at {signed[0]} entries")
    return Matter(Area.LOG, "attention" if late else "ok", text, note, "/console/verify")


def _looked_at(house: House, now: datetime) -> Matter:
    """The daily look: what it found, and whether somebody still looks (LOG-11)."""
    last = watching.last_look(house.settings)
    if last is None:
        text = Text("noch nie von selbst geprüft", "never yet checked by itself")
        return Matter(Area.LOG, "attention", text, None, "/console/verify")
    day, iso = f"{last.at:%d.%m.%Y}", last.at.date().isoformat()
    if not last.ok:
        text = Text(f"am {day} etwas gefunden, das nicht passt", f"something did not fit on {iso}")
        kinds = ", ".join(last.alarms)
        return Matter(Area.LOG, "refused", text, Text(kinds, kinds), "/console/verify")
    text = Text(f"zuletzt von selbst geprüft am {day}", f"last checked by itself on {iso}")
    late = now - last.at > watching.OVERDUE
    return Matter(Area.LOG, "attention" if late else "ok", text, None, "/console/verify")


def _witnessed(house: House, now: datetime) -> Matter:
    """Whether somebody else vouches that all see one log (LOG-3)."""
    try:
        heard, needed = witnesses.heard(house, now=now)
    except LauterError:
        text = Text("die Richtlinie der Zeugen ist nicht lesbar", "the policy of the witnesses cannot be read")
        return Matter(Area.LOG, "attention", text, None, "/console/checkpoint")
    if needed is None:
        text = Text("kein Zeuge", "no witness")
        note = Text("Niemand sonst bürgt dafür, dass alle dasselbe Protokoll sehen.",
                    "Nobody else vouches that all see the same log.")  # fmt: skip
        return Matter(Area.LOG, "attention", text, note, "/console/checkpoint")
    text = Text(f"{len(heard)} Zeugen in den letzten zwei Tagen", f"{len(heard)} witnesses within two days")
    return Matter(Area.LOG, "ok" if needed.is_met(heard) else "refused", text, None, "/console/checkpoint")
