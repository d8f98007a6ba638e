"""Pruning the log by the rule of the catalogue: `[log] keep`; without it nothing goes (LOG-12, Article 5(1)(e) GDPR).

What the assignments that are still kept hang on stays, however old it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import ProgrammingError

from audit import epochs, log
from audit.errors import BadInput, Refused
from governance.deadlines import subtract_duration
from segmentation.store_proofs import oldest_fact_in_use

if TYPE_CHECKING:
    from datetime import datetime

    from api.wiring import House
    from governance.vocabulary import Actor


@dataclass(frozen=True)
class Pruned:
    """What went, or would go."""

    minimum: int
    before: int
    emptied: int
    size: int
    entry: int | None

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "minimum": self.minimum,
            "minimum_before": self.before,
            "emptied": self.emptied,
            "size": self.size,
            "entry": self.entry,
        }


def prune(
    house: House, *, actor: Actor, now: datetime, before: datetime | None = None, dry_run: bool = False
) -> Pruned:
    """Take the bytes of the entries that are older than the catalogue's rule allows, or older than *before*.

    Raises:
        Refused: the catalogue has no rule, nothing is old enough, or this database role may not.
        BadInput: *before* lies within the time that the rule keeps.
    """
    keep = house.catalogue.log_kept
    if keep is None:
        raise Refused('the catalogue has no rule for the log: write [log] keep, such as "P3Y"; nothing goes without it')
    latest = subtract_duration(now, keep, house.catalogue.controller.time_zone)
    if before is not None and before > latest:
        raise BadInput(f"the catalogue keeps entries for {keep}; choose an earlier day")
    with house.work.reading() as connection:
        present, size = epochs.minimum(connection), log.size(connection)
        floor = oldest_fact_in_use(connection)
        wanted = epochs.next_minimum(connection, before=before or latest, keep_from=floor)
    if dry_run:
        return Pruned(wanted, present, 0, size, None)
    try:
        entry = _raise(house, wanted, keep, actor, now) if wanted > present else None
        emptied = _empty(house)
    except ProgrammingError:  # on PostgreSQL the service's role may not change an entry, not even to prune it
        raise Refused(
            "this database role may not prune: run it with LAUTER_DATABASE_URL of the tables' owner"
        ) from None
    if entry is None and not emptied:
        raise Refused("nothing to prune: no whole bundle of 256 entries is old enough and out of use")
    return Pruned(wanted, present, emptied, size, entry)


def _raise(house: House, wanted: int, keep: str, actor: Actor, now: datetime) -> int:
    with house.work.writing() as connection:
        return epochs.raise_minimum(connection, wanted, policy=keep, actor=str(actor), now=now)


def _empty(house: House) -> int:
    """Step by step, and whatever an interrupted pruning left."""
    total = 0
    while True:
        with house.work.writing() as connection:
            done = epochs.empty_some(connection)
        total += done
        if not done:
            house.work.flush()
            return total
