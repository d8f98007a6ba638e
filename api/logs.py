"""The operational log: past-tense facts from an allow-list, one JSON object a line on standard error.

No body, no address, no exception text, no path with a value in it: a route is named by its pattern (ASVS 16.2.5).
What is not on the list is dropped, so that a careless call cannot leak.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FACTS = frozenset(
    {
        "service:started",
        "service:stopped",
        "request:served",
        "request:failed",
        "session:began",
        "session:ended",
        "sign_in:refused",
        "sign_in:throttled",
        "run:started",
        "run:ended",
        "run:failed",
        "checkpoint:failed",
        "mail:refused",
        "work:failed",
        "witness:failed",
    }
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
KEYS = frozenset({"event", "at", "route", "method", "status", "milliseconds", "role", "error", "version"})


def keep_listed(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drop what is not on the list; a fact that is not on it loses everything but that it was unlisted."""
    if entry.get("event") not in FACTS:
        return {"event": "unlisted"}
    return {key: _plain(value) for key, value in entry.items() if key in KEYS}


def _plain(value: Any) -> Any:
    return (
        value if isinstance(value, int | float | bool | None) else str(value)[:120].replace("\r", "").replace("\n", "")
    )


def _dated(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> Mapping[str, Any]:
    entry["at"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    return entry


def _line(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=True, sort_keys=True)


def new_log(stream: Any = None) -> Any:
    """A log that writes to *stream*, standard error by default."""
    return structlog.wrap_logger(
        structlog.PrintLogger(file=stream or sys.stderr), processors=[_dated, keep_listed, _line]
    )


class RequestLog:
    """One fact per request: which route, how it ended, how long it took."""

    def __init__(self, app: ASGIApp, log: Any, metrics: Any = None) -> None:
        self.app = app
        self.log = log
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = perf_counter(), 500

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            seconds = perf_counter() - began
            if self.metrics is not None:
                self.metrics.note(route, scope["method"] if scope["method"] in METHODS else "other", status, seconds)
            milliseconds = round(seconds * 1000, 1)
            self.log.info(
                "request:served", route=route, method=scope["method"], status=status, milliseconds=milliseconds
            )
