"""From when on something is worth an alarm, as the controller sets it in `[alarms]` of the catalogue; pure.

Thresholds are settings, not law: a house with a large complaint desk looks people up more often than a small one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from governance.toml_tables import TomlTable

HOUR = timedelta(hours=1)
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")


class AlarmKind(StrEnum):
    """What an alarm is about."""

    MANY_READS = "many_reads"
    """One actor read the data of more people within an hour than the threshold."""
    ALWAYS_YES = "always_yes"
    """One actor says yes to nearly everything that is put before them: nobody looks."""
    LARGE_EXPORT = "large_export"
    """A file holds far more people than its recipient usually gets."""


@dataclass(frozen=True)
class Thresholds:
    """The limits that are in force."""

    reads_per_hour: int = 50
    """Readings of single people's data by one actor within any hour (PSE-7)."""
    yes_share: float = 0.95
    """Share of approvals among decisions of one actor (ADM-2, ADM-5)."""
    decisions_at_least: int = 20
    """So many decisions before a share says anything."""
    export_times_median: float = 2.0
    """A file against the median of the earlier ones to the same recipient."""
    mail: str = ""
    """Where alarms are told, such as the officer's mailbox; empty: on their page alone."""


DEFAULTS = Thresholds()


@dataclass(frozen=True)
class Alarm:
    """Something the officer should look at. `key` names it for good; `actor` is a role and a handle, never a name."""

    key: str
    kind: AlarmKind
    at: datetime
    count: int
    limit: float
    subject: str
    """Actor or export it is about."""


def read_thresholds(root: TomlTable) -> Thresholds:
    """The table `[alarms]`; what is left out keeps its default."""
    if not root.has("alarms"):
        return DEFAULTS
    table, given = root.table("alarms"), DEFAULTS
    read = Thresholds(
        reads_per_hour=table.whole("reads_per_hour", given.reads_per_hour, least=1, most=100_000),
        yes_share=table.whole("yes_per_cent", round(given.yes_share * 100), least=50, most=100) / 100,
        decisions_at_least=table.whole("decisions_at_least", given.decisions_at_least, least=5, most=10_000),
        export_times_median=table.whole("export_per_cent_of_median", 200, least=110, most=10_000) / 100,
        mail=table.optional_text("mail") or given.mail,
    )
    if read.mail and not _ADDRESS.fullmatch(read.mail):
        table.mistake("mail", "must be one mail address, such as datenschutz@example.org")
    table.finish()
    return read


def busiest_hours(times: Iterable[datetime], limit: int) -> list[tuple[datetime, int]]:
    """Hours with more than *limit* of these instants: (the instant that went beyond it, how many in that hour).

    Each stretch is told once: a new one begins when an hour has passed since the last was told.
    """
    ordered = sorted(times)
    found: list[tuple[datetime, int]] = []
    start = 0
    for place, at in enumerate(ordered):
        while at - ordered[start] >= HOUR:
            start += 1
        count = place - start + 1
        if count <= limit:
            continue
        if found and at - found[-1][0] < HOUR:
            found[-1] = (found[-1][0], max(found[-1][1], count))
        else:
            found.append((at, count))
    return found
