"""How long a result may be used: old segments are inaccurate segments (Article 5(1)(d) GDPR).

A result is stale when its time is over, or when another version of its scheme is active than the one it was computed
by. The time is the house's; a scheme may ask for a shorter one, never for a longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from governance.deadlines import add_duration
from governance.vocabulary import Text
from segmentation import store, store_activation, store_schedule
from segmentation.errors import StaleSegment

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from governance.controller import Controller

NEVER = Text("nie gerechnet", "never computed")
OTHER_VERSION = Text(
    "nach einer anderen Fassung gerechnet als der aktiven", "computed by another version than the active one"
)


@dataclass(frozen=True)
class Freshness:
    """Whether the live result of a scheme may still be used, until when, and why not."""

    stale: bool
    fresh_until: datetime | None
    """None when there is no result."""
    reason: Text

    def to_json(self) -> dict[str, Any]:
        """As the command line and the API print it."""
        until = self.fresh_until.isoformat() if self.fresh_until else None
        return {"stale": self.stale, "fresh_until": until, "reason": {"de": self.reason.de, "en": self.reason.en}}


def freshness(connection: Connection, scheme: str, controller: Controller, *, now: datetime) -> Freshness:
    """How fresh the live run of a scheme is."""
    run = store.live_run(connection, scheme)
    if run is None:
        return Freshness(True, None, NEVER)
    set_for = store_schedule.of_scheme(connection, scheme)
    until = fresh_until(run.now, set_for.fresh_for if set_for else None, controller)
    day, iso = f"{until:%d.%m.%Y}", until.date().isoformat()
    active = store_activation.active_definition(connection, scheme)
    if active is not None and active.digest != run.definition:
        return Freshness(True, until, OTHER_VERSION)
    if until <= now:
        return Freshness(True, until, Text(f"veraltet seit {day}", f"stale since {iso}"))
    return Freshness(False, until, Text(f"frisch bis {day}", f"fresh until {iso}"))


def fresh_until(computed: datetime, wanted: str | None, controller: Controller) -> datetime:
    """When a result computed then is stale: by the scheme's own duration, at the latest by the house's."""
    longest = add_duration(computed, controller.fresh_for, controller.time_zone)
    own = add_duration(computed, wanted, controller.time_zone) if wanted else longest
    return min(own, longest)


def check_fresh(connection: Connection, scheme: str, controller: Controller, *, now: datetime) -> None:
    """Let nobody leave the house by a stale result.

    Raises:
        StaleSegment: says why and what to do.
    """
    found = freshness(connection, scheme, controller, now=now)
    if found.stale:
        raise StaleSegment(scheme, found.reason.en)
