"""Letting go what is kept no longer: records of past runs, evidence, ended exports, the journal's tail (ERA-5)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from api.workflows import erasing
from audit import log
from audit.database import in_batches
from audit.fact import Fact
from governance import store_erasure, store_prices
from segmentation.retention import prune
from segmentation.store_erasure import drop_ended

if TYPE_CHECKING:
    from api.wiring import House
    from governance.vocabulary import Actor

EVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Applied:
    """What went, or would go."""

    records: dict[str, int]
    """Records of past runs by scheme."""
    kept: int
    """Records of old runs that stay."""
    exports: int
    journal: int
    dry_run: bool

    @property
    def total(self) -> int:
        """Everything that went."""
        return sum(self.records.values()) + self.exports + self.journal

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "records": self.records, "kept": self.kept, "exports": self.exports, "journal": self.journal,
            "dry_run": self.dry_run,
        }  # fmt: skip


def apply(house: House, *, actor: Actor, now: datetime, dry_run: bool = False) -> Applied:
    """Apply every period of retention; doing it again changes nothing. With *dry_run* only records are counted."""
    with house.work.reading() as connection:
        priced = store_prices.runs_relied_on(connection)
    pruned = list(prune(house.work, now=now, priced=priced, dry_run=dry_run))
    gone: Counter[str] = Counter()
    for each in pruned:
        gone[each.scheme] += each.gone
    records = {scheme: count for scheme, count in sorted(gone.items()) if count}
    exports = journal = 0
    if not dry_run:
        erasing.sweep(house, now=now)
        exports = _ended_exports(house, now)
        journal = house.journal.prune(now=now)
    applied = Applied(records, sum(each.kept for each in pruned), exports, journal, dry_run)
    if applied.total and not dry_run:
        body = {"records": sum(records.values()), "exports": exports, "journal": journal}
        with house.work.writing() as connection:
            log.append(connection, [Fact("retention:applied", str(actor), now, body)])
    return applied


def _ended_exports(house: House, now: datetime) -> int:
    """Erased people in exports whose recipients need not be told any more."""
    with house.work.reading() as connection:
        subjects = [row.subject for row in store_erasure.done_since(connection, EVER)]
    gone = 0
    for part in in_batches(subjects, 1_000):
        with house.work.writing() as connection:
            gone += drop_ended(connection, part, now=now)
    return gone
