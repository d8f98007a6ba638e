"""Every record by its name, for page, file, API and command line alike."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from api.workflows.ai_systems import ai_systems
from api.workflows.evidence import evidence_pack
from api.workflows.impact import impact_assessment
from api.workflows.records import processing_record
from audit.errors import NotFound

if TYPE_CHECKING:
    from datetime import datetime

    from api.wiring import House
    from governance.papers import Paper


class PaperKind(StrEnum):
    """What records there are."""

    PROCESSING = "processing"
    AI = "ai"
    EVIDENCE = "evidence"
    IMPACT = "impact"


ABOUT_A_SCHEME = frozenset({PaperKind.EVIDENCE, PaperKind.IMPACT})


def paper_of(house: House, kind: PaperKind, scheme: str | None = None, *, now: datetime) -> Paper:
    """One record as it is now; evidence and impact assessment are about one scheme, the others about the house.

    Raises:
        NotFound: there is no such record.
        SchemeUnknown: no such scheme.
    """
    if (scheme is not None) != (kind in ABOUT_A_SCHEME):
        raise NotFound(f"the record {kind.value} is {'not ' if scheme else ''}about one scheme")
    if kind is PaperKind.EVIDENCE and scheme is not None:
        return evidence_pack(house, scheme, now=now).paper
    if kind is PaperKind.IMPACT and scheme is not None:
        return impact_assessment(house, scheme, now=now)
    return processing_record(house, now=now) if kind is PaperKind.PROCESSING else ai_systems(house)
