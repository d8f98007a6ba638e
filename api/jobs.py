"""Work that outlasts a request: one thread, one job at a time, its progress kept in memory for the page that shows it.

A job that dies with the process leaves nothing behind: a run that never got published is swept (design 6).
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from api.problems import Face, detail_of, face_of
from audit.errors import LauterError

KEPT = 200
Show = Callable[[int, int | None], None]
Work = Callable[[Show], Any]


@dataclass
class Job:
    """One piece of work: how far it is, and how it ended."""

    id: str
    subject: str
    """What is worked on, such as the name of a scheme."""
    owner: str
    """Role and handle of who started it."""
    started_at: datetime
    done: int = 0
    total: int | None = None
    result: Any = field(default=None, repr=False)
    face: Face | None = None
    detail: str | None = None
    ended: bool = False

    @property
    def failed(self) -> bool:
        """It ended without a result."""
        return self.face is not None


class Jobs:
    """The queue of this process."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lauter-job")
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._lock = Lock()

    def start(self, subject: str, owner: str, work: Work, *, now: datetime) -> Job:
        """Queue the work, or give the job that is under way for the same subject."""
        with self._lock:
            for job in self._jobs.values():
                if job.subject == subject and not job.ended:
                    return job
            job = Job(secrets.token_hex(8), subject, owner, now)
            self._jobs[job.id] = job
            while len(self._jobs) > KEPT:
                self._jobs.popitem(last=False)
        self._log.info("run:started")
        self._pool.submit(self._do, job, work)
        return job

    def find(self, job: str) -> Job | None:
        """The job of that id, while it is remembered."""
        return self._jobs.get(job)

    def under_way(self, subject: str) -> Job | None:
        """The job on that subject which has not ended."""
        with self._lock:
            return next((job for job in self._jobs.values() if job.subject == subject and not job.ended), None)

    def close(self) -> None:
        """Let the job under way end and take no more."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _do(self, job: Job, work: Work) -> None:
        def show(done: int, total: int | None) -> None:
            job.done, job.total = done, total

        try:
            job.result = work(show)
            self._log.info("run:ended")
        except Exception as error:
            job.detail = detail_of(error) if isinstance(error, LauterError) else None
            job.face = face_of(error)
            self._log.error("run:failed", error=type(error).__name__)
        finally:
            job.ended = True


@dataclass(frozen=True)
class LogHealth:
    """What the last check of the log found."""

    ok: bool
    size: int
    findings: tuple[tuple[str, str], ...]
    checked_at: datetime
    deep: bool


class LogWatch:
    """Remembers the last check of this process, for the rail; what was not checked is never called sound."""

    def __init__(self) -> None:
        self._last: LogHealth | None = None

    @property
    def last(self) -> LogHealth | None:
        """The last check, or None since the start."""
        return self._last

    def note(self, health: LogHealth) -> None:
        """Keep the newest."""
        self._last = health
