"""Checks of a long log in parts: one after the other on one connection, or on every processor of the machine.

Hashing needs a processor each; a process of its own reads its part in a snapshot of its own. Entries, nodes and rows
that are committed never change, so that parts read at different instants fit together.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection

from audit.database import Database, open_database

T = TypeVar("T")

WORTHWHILE = 1_000_000
"""Entries and rows from which on starting other processes takes less time than they save."""

_opened: dict[str, Database] = {}


class Parts(Protocol):
    """Who does the parts."""

    def each(self, check: Callable[..., T], parts: Iterable[tuple[Any, ...]]) -> Iterator[T]:
        """`check(connection, *part)` for every part, in their order; a function of a module, for it is sent away."""


class InTurn:
    """One part after the other, on the caller's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def each(self, check: Callable[..., T], parts: Iterable[tuple[Any, ...]]) -> Iterator[T]:
        """See `Parts`."""
        return (check(self._connection, *part) for part in parts)


class _AtOnce:
    """Parts in several processes; as many are under way as there are processes, and one more each."""

    def __init__(self, pool: ProcessPoolExecutor, url: str, width: int) -> None:
        self._pool, self._url, self._width = pool, url, width

    def each(self, check: Callable[..., T], parts: Iterable[tuple[Any, ...]]) -> Iterator[T]:
        """See `Parts`."""
        under_way: deque[Future[T]] = deque()
        for part in parts:
            under_way.append(self._pool.submit(_elsewhere, self._url, check, part))
            if len(under_way) > 2 * self._width:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def parts_of(database: Database, connection: Connection, length: int) -> Iterator[Parts]:
    """How to check a log of *length* entries and rows: at once where it is long and the machine has processors."""
    width = processors()
    if width == 1 or length < WORTHWHILE:
        yield InTurn(connection)
        return
    # A fork would carry open connections and locks of other threads along.
    with ProcessPoolExecutor(width, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            yield _AtOnce(pool, database.engine.url.render_as_string(hide_password=False), width)
        finally:
            pool.shutdown(cancel_futures=True)


def _elsewhere(url: str, check: Callable[..., T], part: tuple[Any, ...]) -> T:
    database = _opened.get(url) or _opened.setdefault(url, open_database(url))
    with database.reading() as connection:
        return check(connection, *part)
