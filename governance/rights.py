"""What a holder of data about people promises, so that the rights of Chapter III reach every table (Article 17 GDPR).

A package declares a holder for its own tables; `api/wiring.py` hands all of them to the workflows, because no package
may reach into another one's tables. A table that no holder names, and that is not declared as being about nobody, fails
a test. Holders describe and erase. Export, restriction and what is due are asked elsewhere until they move here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection


class HoldsSubjectData(Protocol):
    """One room's tables about subjects, in one database."""

    holds: Mapping[str, str]
    """Each table with subject data, and how long its rows are kept."""
    stays: frozenset[str]
    """Tables of `holds` whose rows outlive an erasure, because the law wants them or they are what proves it."""

    def describe(self, connection: Connection, subject: int) -> dict[str, int]:
        """How many rows each table holds about a subject, also after an erasure."""

    def erase(self, connection: Connection, subject: int, *, now: datetime) -> int:
        """Remove at most one transaction's worth of rows about a subject; 0 when nothing is left to remove."""


ABOUT_NOBODY: Mapping[str, str] = {
    "activation": "versions of schemes",
    "batch": "roots of bulk acts",
    "batch_tile": "hashes of bulk acts",
    "blocked_address": "keyed hashes of addresses; outlives erasure on purpose (Article 21(3) GDPR)",
    "catalogue_version": "purposes and fields",
    "definition": "schemes",
    "disparity_run": "aggregates above the minimum size",
    "export": "requests and manifests: counts and hashes",
    "idempotency": "answers to the controller's own systems, sealed, gone after a day",
    "import_record": "counts and row numbers, never a value",
    "key_check": "keys of the house",
    "log_checkpoint": "signed tree heads",
    "log_head": "the size of the log",
    "log_cosignature": "signatures of witnesses",
    "log_key": "public keys of the log",
    "log_pruning": "ranges of entries given up under a written policy",
    "log_leaf": "facts: tokens, counts, digests",
    "log_node": "hashes",
    "model": "scoring models: no row of anybody (ERA-7)",
    "notice": "texts shown to everybody",
    "price_activation": "price policies",
    "price_policy": "price policies",
    "protected_import": "keyed hash of a whole import",
    "run": "runs and their counts",
    "saved_view": "the controller's own staff: searches of the log",
    "schedule": "schemes",
    "seen_mark": "the controller's own staff: how far somebody read",
    "segment_figures": "aggregates above the minimum size",
    "segment_note": "what is planned for a segment",
    "shredded_leaf": "hashes of rows that are gone, under 16 random bytes that are gone too",
    "staff": "the controller's own staff, not subjects of segmentation; ended by `lauter staff disable`",
    "staff_session": "the controller's own staff",
    "api_token": "systems of the controller",
    "webhook": "systems of the controller",
}
"""Tables without subject data, and why we say so; a test compares both lists with every table there is."""
