"""When a scheme is computed again: by time, or after something changed; and how long its result may be used.

The worker asks once a minute what is due. A run is leased before it starts, so that two workers never compute the same
one; a failure is counted and the next attempt waits twice as long. Many changes in a row make one run: it starts when
the log has been quiet for a while, or at the latest after an hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from api.workflows import segments
from api.workflows.log_search import facts_after
from audit import log
from audit.errors import BadInput, LauterError
from audit.fact import Fact, FactValue
from governance.deadlines import DurationInvalid, add_duration
from governance.vocabulary import ENGINE, Actor
from segmentation import store, store_schedule
from segmentation.errors import SchemeUnknown
from segmentation.freshness import Freshness, freshness
from segmentation.store_schedule import ScheduleRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House

RUNNING = "running"
LEASE = timedelta(hours=2)
"""Longer than a run takes; whoever died with it is replaced afterwards."""
QUIET = timedelta(minutes=5)
"""So long nothing may have changed before a run on change."""
AT_LATEST = timedelta(hours=1)
"""A house that is never quiet is computed so often at least."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=24)
SHORTEST, LONGEST = timedelta(minutes=15), timedelta(days=366)
CHANGES = frozenset(
    {
        "accounts:imported", "activities:imported", "consent:given", "consent:refused", "consent:renewed",
        "consent:withdrawn", "consents:imported", "contact:signed_up", "contacts:imported", "field:released",
        "field:withheld", "ground:ended", "ground:recorded", "grounds:imported", "objection:lifted", "objection:raised",
        "subject:erased", "subject:restricted",
    }
)  # fmt: skip
"""Facts after which a segment may hold other people."""


@dataclass(frozen=True)
class ScheduleState:
    """A scheme's schedule and how fresh its result is."""

    scheme: str
    every: str | None
    on_change: bool
    fresh_for: str
    due_at: datetime | None
    problem: str | None
    attempts: int
    freshness: Freshness

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        due = self.due_at.isoformat() if self.due_at else None
        return {**vars(self), "due_at": due, "freshness": self.freshness.to_json()}


def set_schedule(
    house: House, scheme: str, *, every: str | None, on_change: bool, fresh_for: str | None, actor: Actor, now: datetime
) -> ScheduleState:
    """Set when a scheme runs again and how long its result may be used; without any of them it runs by hand.

    Raises:
        SchemeUnknown: no such scheme.
        BadInput: a duration is none, is too short or too long, or outlasts the house's own.
    """
    zone = house.catalogue.controller.time_zone
    if every is not None:
        _check(every, zone, now, "every")
    if fresh_for is not None:
        _check_fresh_for(house, fresh_for, now)
    with house.work.writing() as connection:
        if store.latest_definition(connection, scheme) is None:
            raise SchemeUnknown(scheme)
        due = add_duration(now, every, zone) if every else None
        size = log.size(connection) if on_change else None
        row = ScheduleRow(scheme, every, on_change, fresh_for, due, size, 0, None, now, str(actor))
        if every or on_change or fresh_for:
            store_schedule.put(connection, row)
        else:
            store_schedule.drop(connection, scheme)
        body: dict[str, FactValue] = {"scheme": scheme, "every": every, "on_change": on_change, "fresh_for": fresh_for}
        log.append(connection, [Fact("schedule:set", str(actor), now, body)])
    return schedule_of(house, scheme, now=now)


def schedule_of(house: House, scheme: str, *, now: datetime) -> ScheduleState:
    """The schedule of a scheme.

    Raises:
        SchemeUnknown: no such scheme.
    """
    with house.work.reading() as connection:
        if store.latest_definition(connection, scheme) is None:
            raise SchemeUnknown(scheme)
        row = store_schedule.of_scheme(connection, scheme)
        fresh = freshness(connection, scheme, house.catalogue.controller, now=now)
    longest = house.catalogue.controller.fresh_for
    problem = row.problem if row is not None and row.problem != RUNNING else None
    if row is None:
        return ScheduleState(scheme, None, False, longest, None, None, 0, fresh)
    return ScheduleState(
        scheme, row.every, row.on_change, row.fresh_for or longest, row.due_at, problem, row.attempts, fresh
    )


def run_due(house: House, *, now: datetime) -> int:
    """Run what is due, one after the other; how many runs were published."""
    with house.work.reading() as connection:
        found = store_schedule.every_schedule(connection)
    return sum(_run_one(house, row, now) for row in found)


def _run_one(house: House, row: ScheduleRow, now: datetime) -> bool:
    due = row.due_at is not None and row.due_at <= now
    cause = ("schedule" if row.every else "change") if due else None
    if cause is None and row.on_change:
        with house.work.reading() as connection:
            cause = "change" if _wants_run(connection, row, now) else None
    if cause is None or not _take(house, row, now):
        return False
    with house.work.reading() as connection:
        size = log.size(connection)
    try:
        segments.run(house, row.scheme, actor=ENGINE, now=now, cause=cause)
    except Exception as error:
        _failed(house, row, type(error).__name__, now)
        if isinstance(error, LauterError):
            return False
        raise  # a fault of our own: counted here, and told by the worker's log
    next_due = add_duration(now, row.every, house.catalogue.controller.time_zone) if row.every else None
    _settle(house, row, due_at=next_due, seen=size, attempts=0, problem=None)
    return True


def _wants_run(connection: Connection, row: ScheduleRow, now: datetime) -> bool:
    """Whether something changed since the last look, and the log is quiet or was busy for too long."""
    if row.problem is not None and row.due_at is not None and row.due_at > now:
        return False  # it runs already, or a failure rests
    times = [fact.at for fact in facts_after(connection, row.seen or 0, kinds=CHANGES)]
    return bool(times) and (now - max(times) >= QUIET or now - min(times) >= AT_LATEST)


def _take(house: House, row: ScheduleRow, now: datetime) -> bool:
    with house.work.writing() as connection:
        standing = store_schedule.of_scheme(connection, row.scheme, lock=True)
        if standing != row:
            return False
        store_schedule.settle(connection, row.scheme, due_at=now + LEASE, problem=RUNNING)
        return True


def _failed(house: House, row: ScheduleRow, problem: str, now: datetime) -> None:
    pause = min(FIRST_PAUSE * 2 ** min(row.attempts, 12), LONGEST_PAUSE)
    _settle(house, row, due_at=now + pause, attempts=row.attempts + 1, problem=problem)


def _settle(house: House, row: ScheduleRow, **values: Any) -> None:
    """Note how it ended, unless somebody set another schedule meanwhile."""
    with house.work.writing() as connection:
        standing = store_schedule.of_scheme(connection, row.scheme, lock=True)
        if standing is not None and standing.set_at == row.set_at:
            store_schedule.settle(connection, row.scheme, **values)


def _check(duration: str, zone: str, now: datetime, what: str) -> None:
    try:
        length = add_duration(now, duration, zone) - now
    except DurationInvalid as error:
        raise BadInput(f"{what}: {error}") from None
    if not SHORTEST <= length <= LONGEST:
        raise BadInput(f"{what}: between PT15M and P1Y, such as P1D")


def _check_fresh_for(house: House, duration: str, now: datetime) -> None:
    controller = house.catalogue.controller
    _check(duration, controller.time_zone, now, "fresh_for")
    longest = add_duration(now, controller.fresh_for, controller.time_zone)
    if add_duration(now, duration, controller.time_zone) > longest:
        raise BadInput(f"fresh_for: at most {controller.fresh_for}, as [controller] of the catalogue says")


def states(house: House, *, now: datetime) -> Iterator[ScheduleState]:
    """Every scheme's."""
    with house.work.reading() as connection:
        schemes = [row.scheme for row in store.latest_definitions(connection)]
    for scheme in schemes:
        yield schedule_of(house, scheme, now=now)
