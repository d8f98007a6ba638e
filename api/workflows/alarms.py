"""What the officer should look at: unusual reading of people, approvals without looking, unusually large files.

Everything is counted from facts of the log, so that no alarm depends on a record that could be tidied away. An alarm is
told until somebody acknowledges it, which is a fact itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

from api.workflows.log_search import facts_since
from audit import log
from audit.errors import BadInput
from audit.fact import Fact
from governance.alarms import Alarm, AlarmKind, Thresholds, busiest_hours
from segmentation import store_exports
from segmentation.export_request import recipient_key

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House
    from audit.log import Entry
    from governance.vocabulary import Actor

LOOKED_BACK = timedelta(days=30)
READS = frozenset({"portal:letter_made", "subject:looked_up"})
"""Facts that lead somebody of the staff to one person, once each; every page after it is a fact of its own."""
YES = frozenset({"export:approved", "scheme:activated"})
NO = frozenset({"export:declined", "scheme:refused"})
OWN = ("subject", "engine", "operator")
"""Roles whose readings are no look of staff: the person, the machine, and the command line of the operator."""
ACKNOWLEDGED = "alarm:acknowledged"
FEWEST_BEFORE = 3
"""Files to a recipient before a median says anything."""


def alarms(house: House, *, now: datetime) -> tuple[Alarm, ...]:
    """Alarms of the last 30 days that nobody acknowledged, newest first."""
    limits = house.catalogue.alarms
    with house.work.reading() as connection:
        facts = list(facts_since(connection, now - LOOKED_BACK, kinds=READS | YES | NO | {ACKNOWLEDGED}))
        done = {str(fact.body.get("alarm")) for fact in facts if fact.kind == ACKNOWLEDGED}
        found = [*_reads(facts, limits), *_yes(facts, limits), *_exports(connection, limits, now - LOOKED_BACK)]
    return tuple(sorted((one for one in found if one.key not in done), key=lambda one: one.at, reverse=True))


def acknowledge(house: House, key: str, *, actor: Actor, now: datetime) -> int:
    """Note that somebody looked at an alarm; the index of the fact.

    Raises:
        BadInput: there is no such alarm any more.
    """
    if key not in {one.key for one in alarms(house, now=now)}:
        raise BadInput("This alarm is not open any more.")
    with house.work.writing() as connection:
        return log.append(connection, [Fact(ACKNOWLEDGED, str(actor), now, {"alarm": key})])


def _reads(facts: list[Entry], limits: Thresholds) -> Iterator[Alarm]:
    times: dict[str, list[datetime]] = defaultdict(list)
    for fact in facts:
        if fact.kind in READS and fact.actor.partition(":")[0] not in OWN:
            times[fact.actor].append(fact.at)
    for actor, each in times.items():
        for at, count in busiest_hours(each, limits.reads_per_hour):
            key = f"{AlarmKind.MANY_READS}:{actor}:{at:%Y%m%d%H%M%S}"
            yield Alarm(key, AlarmKind.MANY_READS, at, count, limits.reads_per_hour, actor)


def _yes(facts: list[Entry], limits: Thresholds) -> Iterator[Alarm]:
    decided: dict[str, list[Entry]] = defaultdict(list)
    for fact in facts:
        if fact.kind in YES | NO and fact.actor.partition(":")[0] == "dpo":
            decided[fact.actor].append(fact)
    for actor, each in decided.items():
        agreed = sum(fact.kind in YES for fact in each)
        if len(each) >= limits.decisions_at_least and agreed / len(each) > limits.yes_share:
            at = max(fact.at for fact in each)
            key = f"{AlarmKind.ALWAYS_YES}:{actor}:{at:%Y%m}"
            yield Alarm(key, AlarmKind.ALWAYS_YES, at, round(100 * agreed / len(each)), 100 * limits.yes_share, actor)


def _exports(connection: Connection, limits: Thresholds, since: datetime) -> Iterator[Alarm]:
    earlier: dict[str, list[int]] = defaultdict(list)
    for row in store_exports.all_exports(connection):
        if row.manifest is None or row.state != store_exports.RELEASED:
            continue
        to, size = recipient_key(row.document), int(row.manifest["included"])
        built = datetime.fromisoformat(row.manifest["built_at"])
        usual = median(earlier[to]) if len(earlier[to]) >= FEWEST_BEFORE else None
        if usual is not None and built >= since and size > limits.export_times_median * usual:
            limit = limits.export_times_median * usual
            key = f"{AlarmKind.LARGE_EXPORT}:{row.id}"
            yield Alarm(key, AlarmKind.LARGE_EXPORT, built, size, limit, str(row.id))
        earlier[to].append(size)
