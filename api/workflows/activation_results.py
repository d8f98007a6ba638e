"""What the workflow of activations answers; who asked and who decided is told by role and handle, never by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class ActivationState:
    """One request and what became of it; who is told by role only."""

    number: int
    scheme: str
    version: int
    state: str
    effect_class: str
    requested_at: datetime
    requested_by: str
    decided_at: datetime | None
    decided_by: str | None
    note: str | None
    preview: dict[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        decided = self.decided_at.isoformat() if self.decided_at else None
        return dict(vars(self)) | {"requested_at": self.requested_at.isoformat(), "decided_at": decided}


@dataclass(frozen=True)
class Versions:
    """Where a scheme stands: its versions by number, which of them runs, which waits."""

    scheme: str
    newest: int
    active: int | None
    waiting: ActivationState | None
    history: tuple[ActivationState, ...]
    """Newest first."""

    @property
    def draft(self) -> int | None:
        """The newest version, where it is not the one that runs."""
        return self.newest if self.newest != self.active else None

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        waiting = self.waiting.to_json() if self.waiting else None
        history = [each.to_json() for each in self.history]
        return dict(vars(self)) | {"draft": self.draft, "waiting": waiting, "history": history}
