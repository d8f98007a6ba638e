"""Stand-ins for a customer reference in the address bar: random, of one session alone, kept in memory for a while.

A reference is personal data and never stands in a URL (SEC-6, ASVS 14.2.1). The stand-in means nothing in another
session, in a browser history or in a proxy's log.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock

MOST = 20_000


class Handles:
    """References by (session, handle); the oldest make room, and each is void after *lifetime*."""

    def __init__(self, lifetime: timedelta = timedelta(hours=8)) -> None:
        self.lifetime = lifetime
        self._held: OrderedDict[tuple[str, str], tuple[str, datetime]] = OrderedDict()
        self._known: dict[tuple[str, str], str] = {}
        self._lock = Lock()

    def hold(self, session: str, reference: str, *, now: datetime) -> str:
        """A handle for the reference in this session; the same one each time, its life prolonged."""
        with self._lock:
            handle = self._known.setdefault((session, reference), secrets.token_hex(8))
            self._held[session, handle] = (reference, now + self.lifetime)
            self._held.move_to_end((session, handle))
            while len(self._held) > MOST:
                self._drop(next(iter(self._held)))
            return handle

    def reference(self, session: str, handle: str, *, now: datetime) -> str | None:
        """What the handle stands for in this session, or None."""
        with self._lock:
            held = self._held.get((session, handle))
            if held and held[1] <= now:
                self._drop((session, handle))
                return None
        return held[0] if held else None

    def forget(self, session: str) -> None:
        """Void every handle of a session that ended."""
        with self._lock:
            for key in [key for key in self._held if key[0] == session]:
                self._drop(key)

    def _drop(self, key: tuple[str, str]) -> None:
        reference, _ = self._held.pop(key)
        self._known.pop((key[0], reference), None)
