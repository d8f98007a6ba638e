"""How often one may try: a moving window per key, kept in memory and bounded.

Guessing a password or a reference must stay slow (SEC-11); an attempt that succeeds is taken back, so that whoever
knows the password is never shut out by having used it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from datetime import datetime, timedelta
from threading import Lock

MOST_KEYS = 50_000


class Throttle:
    """At most *attempts* per key within *window*."""

    def __init__(self, attempts: int, window: timedelta) -> None:
        self.attempts = attempts
        self.window = window
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def take(self, key: str, *, now: datetime) -> timedelta | None:
        """Count one attempt.

        Returns:
            None when it may go on, else how long to wait. A refused attempt is not counted again.
        """
        with self._lock:
            times = self._seen.setdefault(key, deque())
            self._seen.move_to_end(key)
            while times and times[0] <= now - self.window:
                times.popleft()
            if len(times) >= self.attempts:
                return times[0] + self.window - now
            times.append(now)
            while len(self._seen) > MOST_KEYS:
                self._seen.popitem(last=False)
            return None

    def give_back(self, key: str) -> None:
        """Forget the last attempt: it was right."""
        with self._lock:
            times = self._seen.get(key)
            if times:
                times.pop()
