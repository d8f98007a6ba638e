"""The one way in for everything a person says: portal, mail, link, signal, desk, API and file all end here.

One transaction holds the declaration, its fact in the log, and the work that follows from it (block list, systems to
tell). What the person said acts when it commits, everywhere, because every output asks the ledger (design 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from consent import ledger, notices

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from api.wiring import House
    from consent.ledger import Declared
    from governance.vocabulary import Actor, Declaration


@dataclass(frozen=True)
class Subject:
    """Whom it is about, as the work database and the vault know them."""

    number: int
    pseudonym: bytes


def declare(
    house: House,
    subject: Subject,
    declarations: Sequence[Declaration],
    *,
    actor: Actor,
    now: datetime,
    evidence: Sequence[bytes | None] = (),
) -> Declared:
    """Record what a subject declared, and everything that follows from it, in one transaction.

    Args:
        evidence: for each declaration its evidence in clear or None; sealed here under the subject's evidence key.

    Raises:
        DeclarationInvalid, MayNotRaise, NotFound: as `consent.ledger.declare`.
    """
    pieces = tuple(evidence) or (None,) * len(declarations)
    given = [(subject.pseudonym, piece) for piece in pieces if piece is not None]
    sealed = iter(house.vault.seal_evidence(given)) if given else iter(())
    with house.work.writing() as connection:
        notices.register(connection, house.catalogue, now=now)
        return ledger.declare(
            connection,
            subject.number,
            declarations,
            actor=actor,
            now=now,
            evidence=[None if piece is None else next(sealed) for piece in pieces],
        )
