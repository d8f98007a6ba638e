"""Build and hand out an export: decided at the build, and again under the log's lock before the first byte.

The order of the log is the order of events (findings A3): an objection with a smaller index than `export:released` is
honoured, one with a larger index goes to the recall. No file is ever kept; the manifest's hash says what left.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from api.workflows.export_files import (
    BUILDABLE,
    Download,
    ExportNotReady,
    ExportStale,
    Prepared,
    check_releasable,
    leaks_of,
    manifest_of,
    must_be,
    prepare,
    too_small,
)
from api.workflows.export_powers import powers_of
from api.workflows.export_requests import ExportState, export_of, known
from api.workflows.price_gates import PriceOnHold, export_refusal
from audit import log
from audit.database import in_batches
from audit.errors import Refused
from audit.fact import Fact, FactValue
from consent.grounds import stage_use
from governance.deadlines import add_duration
from governance.vocabulary import Channel
from segmentation import store_exports
from segmentation.export_build import Ids, Powers, still_lawful
from segmentation.export_request import Mode
from segmentation.small_cells import Leak

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from api.wiring import House
    from governance.vocabulary import Actor
    from segmentation.store_exports import ExportRow

ATTEMPTS = 3
"""Renderings outside the lock before one is made under it: others wait only when the log never stands still."""
PSEUDONYM_BYTES = 16


def build(house: House, number: int, *, actor: Actor, now: datetime) -> ExportState:
    """Decide who is in it, note who and under which pseudonym, and keep the manifest; the file itself is not kept.

    Raises:
        ExportNotReady: it is not approved, was released already, or another build of it began meanwhile.
        CellsTooSmall: a pseudonymous output would tell of too few people.
        PriceOnHold: it is for personal prices, and no price with a check that fits is in force.
    """
    names: dict[int, bytes] = {}

    def fresh(subjects: Ids) -> dict[int, bytes]:
        random = os.urandom(PSEUDONYM_BYTES * len(subjects))
        for place, subject in enumerate(subjects.tolist()):
            names[subject] = random[place * PSEUDONYM_BYTES : (place + 1) * PSEUDONYM_BYTES]
        return names

    mark = _begin(house, number)
    with house.work.reading() as connection:
        row = known(connection, number)
        prepared = prepare(house, connection, row, fresh, powers_of(house), now)
        if held := _price_refusal(house, connection, prepared, now):
            raise held
        telling = leaks_of(house, connection, row, prepared)
    if telling:
        _refuse(house, (number, mark), telling, prepared, actor=actor, now=now)
    while _dropped(house, number, mark):
        pass
    for batch in in_batches((person.subject, person.pseudonym) for person in prepared.gathered.people):
        with house.work.writing() as connection:
            _still_ours(connection, number, mark)
            store_exports.stage_ledger(connection, number, batch)
    expires_at = add_duration(now, prepared.request.valid, house.catalogue.controller.time_zone)
    with house.work.writing() as connection:
        log.lock(connection)  # before the export's row, as everywhere: two locks, one order
        _still_ours(connection, number, mark)
        manifest = manifest_of(house, prepared, now=now, expires_at=expires_at)
        store_exports.set_built(connection, number, manifest, expires_at=expires_at)
        log.append(connection, [_fact("export:built", number, prepared, actor, now)])
    return export_of(house, number)


def download(house: House, number: int, *, actor: Actor, now: datetime) -> Download:
    """Decide again under the log's lock, append `export:released`, commit, and only then hand it out.

    Every download decides anew, a repeated one too.

    Raises:
        ExportNotReady: it was not built.
        ExportExpired: its validity is over.
        ExportStale: somebody in it may not be in it any more, or a value changed; build it again.
        PriceOnHold: it is for personal prices, and a run or import since made the check of the price void.
        CellsTooSmall: compared with what the recipient got since the build, it would tell of too few people.
    """
    powers = powers_of(house)
    for attempt in range(ATTEMPTS + 1):
        with house.work.reading() as connection:
            row = known(connection, number)
            check_releasable(row, now)
            prepared = prepare(house, connection, row, _ledger(connection, number), powers, now)
        with house.work.writing() as connection:
            if log.lock(connection) != prepared.gathered.watermark:
                if attempt < ATTEMPTS:
                    continue
                prepared = prepare(house, connection, row, _ledger(connection, number), powers, now)
            row = known(connection, number, lock=True)
            check_releasable(row, now)
            refusal = _verdict(house, connection, row, prepared, powers, now)
            index = _note(connection, row, prepared, refusal, actor, now)
        break
    if refusal is not None:
        raise refusal
    rendering = prepared.rendering
    return Download(
        number=number,
        name=f"export-{number}.csv",
        size=rendering.size,
        sha256=rendering.sha256.hex(),
        log_index=index,
        pieces=rendering.pieces,
    )


def _ledger(connection: Connection, number: int) -> Callable[[Ids], Mapping[int, bytes]]:
    """Pseudonyms as they were given at the build; nobody is added after it."""

    def given(subjects: Ids) -> Mapping[int, bytes]:
        del subjects
        return store_exports.ledger(connection, number)

    return given


def _verdict(
    house: House, connection: Connection, row: ExportRow, prepared: Prepared, powers: Powers, now: datetime
) -> Refused | None:
    """The last word, under the lock; None when the file may go."""
    if held := _price_refusal(house, connection, prepared, now):
        return held
    manifest = row.manifest or {}
    people = prepared.gathered.people
    if len(people) < int(manifest.get("included", 0)):  # how many would tell that one person objected
        return ExportStale(f"export {row.id}: somebody in it may not be in it any more. Build it again.")
    same = prepared.rendering.sha256.hex() == manifest.get("sha256")
    if not same or not still_lawful(connection, prepared.request, people, powers, now=now):
        return ExportStale(f"export {row.id}: something in it changed since it was built. Build it again.")
    telling = leaks_of(house, connection, row, prepared)
    return too_small(row.id, telling) if telling else None


def _price_refusal(house: House, connection: Connection, prepared: Prepared, now: datetime) -> PriceOnHold | None:
    return export_refusal(house, connection, prepared.request.scheme, prepared.request.purpose, now=now)


def _note(
    connection: Connection,
    row: ExportRow,
    prepared: Prepared,
    refusal: Refused | None,
    actor: Actor,
    now: datetime,
) -> int:
    """Write down the release or the refusal; the last thing before the commit."""
    if refusal is None:
        store_exports.set_state(connection, row.id, store_exports.RELEASED)
        used = _used(connection, row.id, prepared, actor, now)
        return log.append(connection, [_fact("export:released", row.id, prepared, actor, now), *used])
    if row.state == store_exports.BUILT:
        store_exports.set_state(connection, row.id, store_exports.APPROVED)
    body: dict[str, FactValue] = {"export": row.id, "reason": type(refusal).__name__}
    return log.append(connection, [Fact("export:refused", str(actor), now, body)])


def _used(connection: Connection, number: int, prepared: Prepared, actor: Actor, now: datetime) -> list[Fact]:
    """A list of numbers that leaves is a use of everybody's consent to calls: five years from now (§ 7a(2) UWG)."""
    request = prepared.request
    if request.mode is not Mode.CONTACT_POINTS or request.channel is not Channel.PHONE:
        return []
    called = sorted(person.subject for person in prepared.gathered.people)
    fact = stage_use(
        connection, called, request.purpose.key, request.channel, used_at=now, export=number, actor=actor, now=now
    )
    return [] if fact is None else [fact]


def _refuse(
    house: House, of: tuple[int, bytes], telling: tuple[Leak, ...], prepared: Prepared, *, actor: Actor, now: datetime
) -> None:
    number, mark = of
    with house.work.writing() as connection:
        log.lock(connection)
        _still_ours(connection, number, mark)
        store_exports.set_state(connection, number, store_exports.REFUSED)
        body: dict[str, FactValue] = {
            "export": number,
            "reason": [leak.value for leak in telling],
            "request": prepared.request.digest,
        }
        log.append(connection, [Fact("export:refused", str(actor), now, body)])
    raise too_small(number, telling)


def _begin(house: House, number: int) -> bytes:
    """Take an export over for a build; one still at it gives up at its next step.

    Returns:
        The mark by which the build knows that it is still the newest.
    """
    mark = os.urandom(PSEUDONYM_BYTES)
    with house.work.writing() as connection:
        must_be(known(connection, number, lock=True), BUILDABLE, "built")
        store_exports.set_build(connection, number, mark)
    return mark


def _still_ours(connection: Connection, number: int, mark: bytes) -> None:
    """Refuse to go on when somebody else took the export over; holds its row until the transaction ends."""
    row = known(connection, number, lock=True)
    must_be(row, BUILDABLE, "built")
    if row.build != mark:
        raise ExportNotReady(f"another build of export {number} began meanwhile and goes on; this one has given up")


def _dropped(house: House, number: int, mark: bytes) -> bool:
    """Clear part of an earlier build's ledger; only of an export that never left."""
    with house.work.writing() as connection:
        _still_ours(connection, number, mark)
        return store_exports.drop_ledger(connection, number)


def _fact(kind: str, number: int, prepared: Prepared, actor: Actor, now: datetime) -> Fact:
    body: dict[str, FactValue] = {
        "export": number,
        "purpose": prepared.request.purpose.key,
        "run": prepared.run,
        "watermark": prepared.gathered.watermark,
        "request": prepared.request.digest,
        "sha256": prepared.rendering.sha256,
    }
    return Fact(kind, str(actor), now, body)
