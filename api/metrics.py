"""Figures for Prometheus: how requests end, how long they take, and how the house stands when it is asked.

Labels come from closed lists (route patterns, methods, statuses, store names, scheme names), never from a request, so
that no value of a person can become one (LOG-6, ASVS 16.2.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api.workflows.watching import last_look
from audit import checkpoint, log
from audit.errors import LauterError
from governance import outbox
from segmentation import store

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from api.wiring import House
    from audit.database import Database

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The figures of one process."""

    def __init__(self, house: House, clock: Callable[[], datetime]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "lauter_requests",
            "Requests by route, method and status.",
            ("route", "method", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "lauter_request_seconds",
            "Time to answer, in seconds.",
            ("route",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_State(house, clock))

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Everything in the exposition format."""
        return generate_latest(self._registry)


class _State(Collector):
    """The house as it is when the figures are fetched."""

    def __init__(self, house: House, clock: Callable[[], datetime]) -> None:
        self._house, self._clock = house, clock

    def collect(self) -> Iterator[Metric]:
        """Look everything up; a store that does not answer is told as down, and the rest is left out."""
        up = GaugeMetricFamily("lauter_store_up", "1 when the store answers.", labels=("store",))
        states = stores_up(self._house)
        for name, answers in states.items():
            up.add_metric((name,), float(answers))
        yield up
        if states["work"]:
            yield from self._figures(self._clock())

    def _figures(self, now: datetime) -> Iterator[Metric]:
        with self._house.work.reading() as connection:
            size, signed = log.size(connection), checkpoint.last_signed(connection)
            waits = outbox.waiting(connection, now=now)
            newest = {
                row.scheme: store.live_run(connection, row.scheme) for row in store.latest_definitions(connection)
            }
        yield GaugeMetricFamily("lauter_log_entries", "Entries of the log.", value=size)
        behind = size - signed[0] if signed else size
        yield GaugeMetricFamily("lauter_log_unsigned_entries", "Entries after the newest checkpoint.", value=behind)
        if signed:
            age = (now - signed[1]).total_seconds()
            yield GaugeMetricFamily("lauter_checkpoint_age_seconds", "Age of the newest checkpoint.", value=age)
        if last := last_look(self._house.settings):
            age = (now - last.at).total_seconds()
            yield GaugeMetricFamily("lauter_monitor_age_seconds", "Age of the last look at the log.", value=age)
            found = len(last.alarms)
            yield GaugeMetricFamily("lauter_monitor_alarms", "Kinds of alarms of the last look.", value=found)
        pieces = GaugeMetricFamily("lauter_outbox_pieces", "Work after a commit, by state.", labels=("state",))
        for state, count in (("due", waits.due), ("later", waits.later), ("given_up", waits.failed)):
            pieces.add_metric((state,), count)
        yield pieces
        ages = GaugeMetricFamily("lauter_run_age_seconds", "Age of the live run by scheme.", labels=("scheme",))
        for scheme, run in newest.items():
            if run is not None and run.published_at is not None:
                ages.add_metric((scheme,), (now - run.published_at).total_seconds())
        yield ages


def databases(house: House) -> dict[str, Database]:
    """The three stores by name."""
    return {"work": house.work, "vault": house.vault.database, "protected": house.protected.database}


def stores_up(house: House) -> dict[str, bool]:
    """Whether each store answers."""
    return {name: _answers(database) for name, database in databases(house).items()}


def _answers(database: Database) -> bool:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with database.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
    except (SQLAlchemyError, LauterError, OSError):
        return False
    return True
