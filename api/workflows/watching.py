"""The log is looked at every day, and whoever should know is told by mail (LOG-11, Article 32(1)(d) GDPR).

What the monitor remembers and what was told already lie in `monitor/` of the home, outside the databases that it
watches. A mail names the kind of an alarm and where to read on, never a person; each alarm is told once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from api.workflows import alarms, monitoring
from api.workflows.witnesses import house_policy
from audit.errors import BadInput, Unavailable
from governance import outbox

if TYPE_CHECKING:
    from pathlib import Path

    from api.settings import Settings
    from api.wiring import House

KIND = "alarm"
LOOK_EVERY = timedelta(days=1)
OVERDUE = timedelta(days=2)
"""After two days without a look something is wrong with whoever should look."""
WITNESSED_WITHIN = timedelta(days=1)
QUIET_AT_MOST = timedelta(days=365)
"""Without witnesses the age of a checkpoint tells only that nothing happened: a log may be quiet for long."""
FORGET_AFTER = timedelta(days=90)


@dataclass(frozen=True)
class LastLook:
    """What the last look at the log found; kinds of alarms only."""

    at: datetime
    size: int
    alarms: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Nothing to tell anybody about."""
        return not self.alarms


def look(house: House, *, now: datetime) -> LastLook:
    """Look at the own log as a monitor does, down to each decision; tell of what must not be.

    Raises:
        Unavailable: another process is looking.
        BadInput: the policy or what the monitor remembers cannot be read.
    """
    with _alone(house.settings):
        policy = house_policy(house)
        within = WITNESSED_WITHIN if policy and policy.witnesses else QUIET_AT_MOST
        found = monitoring.watch_house(house, policy, _folder(house.settings) / "log", now=now, older_than=within)
        last = LastLook(now, found.watched.size, tuple(sorted({alarm.kind for alarm in found.alarms})))
        _write(_folder(house.settings) / "last.json", {"at": now.isoformat(), "size": last.size, "alarms": last.alarms})
        _tell(house, {f"log:{kind}:{now:%Y%m%d}": f"log_{kind}" for kind in last.alarms}, now=now)
    return last


def tell(house: House, *, now: datetime) -> int:
    """Tell of the officer's alarms that nobody was told of yet; how many.

    Raises:
        Unavailable: another process is telling.
    """
    found = {alarm.key: alarm.kind.value for alarm in alarms.alarms(house, now=now)}
    if not found:
        return 0
    with _alone(house.settings):
        return _tell(house, found, now=now)


def last_look(settings: Settings) -> LastLook | None:
    """The last look, or None when nobody looked yet or what was written cannot be read."""
    try:
        read = json.loads((_folder(settings) / "last.json").read_text(encoding="utf-8"))
        return LastLook(datetime.fromisoformat(read["at"]), int(read["size"]), tuple(map(str, read["alarms"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_watched(house: House, *, now: datetime) -> str:
    """In words that the log was looked at of late; for `lauter doctor`.

    Raises:
        BadInput: nobody looked for two days, or the last look found something; says what to do.
    """
    last = last_look(house.settings)
    if last is None:
        return "nobody looked yet; `lauter worker` and `lauter serve` look once a day"
    if not last.ok:
        raise BadInput(f"the last look found {', '.join(last.alarms)}; run `lauter audit verify --deep`")
    if now - last.at > OVERDUE:
        raise BadInput(f"nobody looked since {last.at:%Y-%m-%d}; let `lauter worker` or `lauter serve` run")
    told = "alarms go out by mail" if house.catalogue.alarms.mail else "no mail: write `mail` under [alarms]"
    return f"looked at on {last.at:%Y-%m-%d}, {last.size} entries fit; {told}"


def _tell(house: House, found: Mapping[str, str], *, now: datetime) -> int:
    """The mail is ordered before it is noted: killed between, it goes out twice rather than never."""
    if not house.catalogue.alarms.mail:
        return 0
    path = _folder(house.settings) / "told.json"
    told = {key: at for key, at in _read(path).items() if now - datetime.fromisoformat(str(at)) < FORGET_AFTER}
    fresh = [key for key in found if key not in told]
    if fresh:
        with house.work.writing() as connection:
            for kind in sorted({found[key] for key in fresh}):
                outbox.put(connection, KIND, {"alarm": kind}, now=now)
    _write(path, told | {key: now.isoformat() for key in fresh})
    return len(fresh)


def _folder(settings: Settings) -> Path:
    return settings.home / "monitor"


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """One looks at a time: two would tell everything twice."""
    folder = _folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # no such lock there; two mails at worst
        yield
        return
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Unavailable("another process is looking at the log just now") from None
    finally:
        os.close(handle)


def _read(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _write(path: Path, document: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    unfinished = path.with_suffix(".part")
    unfinished.write_text(json.dumps(document), encoding="utf-8")
    unfinished.chmod(0o600)
    unfinished.replace(path)
