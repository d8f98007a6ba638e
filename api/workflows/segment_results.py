"""What the workflows of schemes answer: exact counts, and nothing that names anybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from api.workflows.segment_warnings import Warned
from segmentation.corrections import CorrectionState
from segmentation.profile import Profile
from segmentation.report import RunReport


@dataclass(frozen=True)
class SchemeDefined:
    """A stored version of a scheme; `new` is False when exactly this stood already."""

    scheme: str
    version: int
    kind: str
    unit: str
    purpose: str
    digest: str
    new: bool
    state: str
    """active, requested (the officer decides) or draft."""
    active: int | None
    """The version that runs."""
    warnings: tuple[Warned, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return dict(vars(self)) | {"warnings": [each.to_json() for each in self.warnings]}


@dataclass(frozen=True)
class SchemeState:
    """A scheme and the exact counts of its live run; `permitted` plus `left_out` is `total`."""

    scheme: str
    label: dict[str, str]
    version: int
    """The active one, or the newest draft where none is."""
    active: int | None
    draft: int | None
    """The newest version, where it is not the active one."""
    waiting: int | None
    """The version that waits for the officer."""
    kind: str
    unit: str
    purpose: str
    effect_class: str
    run: int | None
    published_at: str | None
    total: int | None
    permitted: int | None
    left_out: dict[str, int] | None
    segments: tuple[dict[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return dict(vars(self)) | {"segments": list(self.segments)}


@dataclass(frozen=True)
class SchemeList:
    """Every scheme, by name."""

    schemes: tuple[SchemeState, ...]

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return {"schemes": [scheme.to_json() for scheme in self.schemes]}


@dataclass(frozen=True)
class SchemeShown:
    """A scheme in full: the last run's report, sizes now, and what sets the segments apart."""

    state: SchemeState
    definition: dict[str, Any]
    report: RunReport | None
    now: dict[str, int]
    """Members by segment key at this instant, after corrections and permission."""
    profile: Profile | None
    corrections: CorrectionState

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return {
            **self.state.to_json(),
            "definition": self.definition,
            "report": self.report.to_json() if self.report else None,
            "now": self.now,
            "profile": self.profile.to_json() if self.profile else None,
            "corrections": dict(vars(self.corrections)),
        }


@dataclass(frozen=True)
class CorrectionOrder:
    """What the desk wants: kind move, pin or out, the segment of a move, why in plain words, and the review date."""

    kind: str
    segment: str | None
    reason: str
    review_on: date


@dataclass(frozen=True)
class CorrectionMade:
    """A correction as it stands, or as it was lifted; neither its reason nor whose it is."""

    number: int
    scheme: str
    kind: str
    segment: str | None
    review_on: str
    lifted: bool

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        return dict(vars(self))
