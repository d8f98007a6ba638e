"""Watching a log: somebody else's by its address, the own one by its tables, down to each decision (LOG-11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from api.http_answer import ask
from api.http_out import Outward
from api.workflows import log as logs
from audit import monitor, tiles
from audit.errors import BadInput, NotFound, Unavailable
from audit.monitor import Alarm, Watched
from audit.monitor_tables import LogTables
from audit.policy import Policy, PolicyKey
from audit.tiles import TilePath

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from api.wiring import House

LARGEST_BUNDLE = tiles.WIDTH * (65_535 + tiles.LENGTH_BYTES)
LARGEST_NOTE = 65_536


@dataclass(frozen=True)
class Look:
    """What a look came to; one line of JSON."""

    watched: Watched
    alarms: tuple[Alarm, ...]

    @property
    def ok(self) -> bool:
        """Nothing to tell anybody about."""
        return not self.alarms

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "ok": self.ok,
            "origin": self.watched.origin,
            "size": self.watched.size,
            "leaves": self.watched.leaves,
            "entries": self.watched.entries,
            "witnessed_by": list(self.watched.witnessed_by),
            "alarms": [{"kind": alarm.kind, "what": alarm.what} for alarm in self.alarms],
        }


@dataclass(frozen=True)
class Served:
    """A log behind an address."""

    prefix: str
    token: str | None
    outward: Outward

    def checkpoint(self) -> str:
        """The newest checkpoint with all its signatures."""
        return self._get("checkpoint", LARGEST_NOTE).decode("utf-8", "replace")

    def hashes(self, tile: TilePath) -> bytes:
        """A hash tile."""
        return self._get(str(tile), tiles.WIDTH * 32)

    def entries(self, tile: TilePath) -> bytes | None:
        """An entry bundle; None without a token, and where it was pruned."""
        if self.token is None:
            return None
        try:
            return self._get(str(tile), LARGEST_BUNDLE)
        except NotFound:
            return None

    def _get(self, path: str, most: int) -> bytes:
        headers = {"Accept": "*/*", "User-Agent": "lauter"}
        if self.token is not None and path.startswith("tile/entries/"):
            headers["Authorization"] = f"Bearer {self.token}"
        answer = ask(self.outward, "GET", f"{self.prefix.rstrip('/')}/{path}", b"", headers, most=most)
        if answer.status == 404:
            raise NotFound(f"{path}: the log does not serve it")
        if answer.status != 200:
            raise Unavailable(f"{path}: the log answered with status {answer.status}")
        return answer.body


def watch_address(
    url: str, policy: Policy, state: Path, *, token: str | None, now: datetime, older_than: timedelta
) -> Look:
    """Look at a log behind an address that the caller named.

    Raises:
        BadInput: the address leads nowhere, or the folder is not the monitor's.
        Unavailable: the log does not answer.
    """
    host = (urlsplit(url).hostname or "").lower()
    source = Served(url, token, Outward(allowed=frozenset({host})))
    if token is not None and urlsplit(url).scheme != "https" and host not in {"127.0.0.1", "localhost", "::1"}:
        raise BadInput("a token goes over https only")
    watched = monitor.watch(source, state, policy, now=now, older_than=older_than)
    return Look(watched, watched.alarms)


def watch_house(house: House, policy: Policy | None, state: Path, *, now: datetime, older_than: timedelta) -> Look:
    """Look at the own log by its tables, and compare each decision with its leaf.

    Raises:
        BadInput: the folder is not the monitor's.
    """
    trusted = policy or own_policy(house)
    with house.work.reading() as connection:
        watched = monitor.watch(LogTables(connection), state, trusted, now=now, older_than=older_than)
    deep = logs.verify_home(house, deep=True)
    found = tuple(Alarm("deep", f"{finding['where']}: {finding['what']}") for finding in deep.findings)
    return Look(watched, (*watched.alarms, *found))


def own_policy(house: House) -> Policy:
    """The log's own keys and no witness: for a house without a policy file."""
    keys = logs.own_keys(house)
    return Policy(tuple(PolicyKey(house.signer.origin, key) for key in keys), (), {}, "none")
