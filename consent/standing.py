"""What a decision looks at: facts about a subject, where it stands for a purpose, and its wider objections; pure.

Three values, each computed from the ledger or the work database and never from a guess. A missing value is `None` and
never counts in favour of processing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from governance.vocabulary import ConsentState

GENERAL_BIT, MARKETING_BIT, PROFILING_BIT = 1, 2, 4
PERMITTING_STATES = frozenset({ConsentState.GIVEN, ConsentState.RENEWED})
DENYING_STATES = frozenset({ConsentState.REFUSED, ConsentState.WITHDRAWN})


@dataclass(frozen=True)
class SubjectFacts:
    """What the work database says about somebody, apart from what they declared.

    `minor` None is unknown and does not exclude: nobody's date of birth is asked for this alone (Article 5(1)(c)).
    `counterparty` unknown counts as consumer.
    """

    natural: bool = True
    restricted: bool = False
    erased: bool = False
    minor: bool | None = None
    informed: bool = False
    contract_active: bool = False
    counterparty: str = "unknown"


@dataclass(frozen=True)
class Standing:
    """Where a subject stands for one purpose.

    `state` None is never asked. `granted_at` is the subject's own act behind the consent; None when none is shown, as
    with an import: such a consent outranks no objection. Channels are bit masks (`CHANNEL_BITS`).
    """

    state: ConsentState | None = None
    valid_until: datetime | None = None
    granted_at: datetime | None = None
    objected: bool = False
    channels: int = 0
    channels_denied: int = 0

    def effective_state(self, now: datetime) -> ConsentState | None:
        """The state at *now*: a consent whose validity has ended is expired (ISO/IEC TS 27560)."""
        if self.state in PERMITTING_STATES and self.valid_until is not None and self.valid_until <= now:
            return ConsentState.EXPIRED
        return self.state


@dataclass(frozen=True)
class Objections:
    """Objections that reach beyond one purpose, each with the time it counts from (Article 21 GDPR)."""

    general_at: datetime | None = None
    marketing_at: datetime | None = None
    profiling_at: datetime | None = None

    @property
    def mask(self) -> int:
        """1 general, 2 marketing, 4 profiling."""
        return (
            GENERAL_BIT * (self.general_at is not None)
            | MARKETING_BIT * (self.marketing_at is not None)
            | PROFILING_BIT * (self.profiling_at is not None)
        )


NO_STANDING = Standing()
NO_OBJECTIONS = Objections()
