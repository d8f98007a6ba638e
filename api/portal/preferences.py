"""The page of preferences: what holds, what may be decided, and where a change has not arrived yet.

A form changes what the person changed on the page they saw and nothing else, so that an old tab overwrites nothing.
Refusing is as near as allowing: the same form, the same button, one step (Article 7(3) GDPR). Objections act at once,
without a reason (Article 21(2) and (3)).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from api.i18n import N_
from api.portal import shown
from api.portal.open_page import CHANNELS
from api.portal.visits import Guest, GuestPost, PortalVisit
from api.workflows import portal, receipts
from api.workflows.preference_views import HolderState, Preferences
from api.workflows.preferences import Aim, Answer, Choice, Chosen, Proof, choose, preferences, undo
from consent.choice_acts import everything_refused
from governance.visitors import LinkKind
from governance.vocabulary import THE_SUBJECT, Scope, Source

if TYPE_CHECKING:
    from datetime import datetime

    from api.workflows.receipts import ReceiptLine

router = APIRouter()
HOME = "/portal/preferences"
LONGEST_REASON = 4_000
SCOPES = {scope.value: scope for scope in (Scope.MARKETING, Scope.PROFILING, Scope.GENERAL)}
BY: dict[LinkKind, str] = {
    LinkKind.LETTER: N_("Signed in with the code of a letter."),
    LinkKind.EMBED: N_("Signed in through our website."),
}


@dataclass(frozen=True)
class Saved:
    """What the notice on top of the page says after an act."""

    lines: tuple[ReceiptLine, ...]
    """What was declared, in the order it was; empty when nothing changed."""
    at: datetime | None
    seqs: str
    undo: bool
    """Nothing was declared since: going back leads to where the person was."""
    mail: bool
    """A mail waits to be confirmed."""
    kept: bool
    """A channel was not opened, because its purpose was refused in the same form."""


@router.get("/preferences")
def show(visit: Guest) -> Response:
    """Everything the person may know and decide; looking changes nothing."""
    return _page(visit)


@router.post("/preferences")
def save(visit: GuestPost) -> Response:
    """Record what the person changed."""
    refuses_all = visit.form.get("action") == "refuse-all"
    catalogue = visit.house.catalogue
    choices = everything_refused(catalogue) if refuses_all else shown.changed(visit.form, catalogue)
    return _record(visit, choices)


@router.post("/objections")
def object_(visit: GuestPost) -> Response:
    """Object, or take an objection back: to one purpose, or to all of a kind."""
    answer = Answer.LIFT if visit.form.get("answer") == Answer.LIFT else Answer.REFUSE
    scope = SCOPES.get(visit.form.get("scope", ""))
    aim = Aim(purpose=visit.form.get("purpose", "")) if scope is None else Aim(scope=scope)
    return _record(visit, [Choice(aim, answer)], reason=visit.form.get("reason", "")[:LONGEST_REASON])


@router.post("/undo")
def go_back(visit: GuestPost) -> Response:
    """Go back to what held before the last act."""
    done = undo(
        visit.house, visit.subject, _numbers(visit.form.get("seqs", "")), actor=THE_SUBJECT, now=visit.now,
        language=visit.language, proof=_proof(visit),
    )  # fmt: skip
    return visit.go(_after(done))


def _record(visit: PortalVisit, choices: Sequence[Choice], reason: str = "") -> Response:
    done = choose(
        visit.house, visit.subject, choices, source=Source.SUBJECT, actor=THE_SUBJECT, now=visit.now,
        language=visit.language, gpc=visit.gpc, proof=_proof(visit, reason),
    )  # fmt: skip
    return visit.go(_after(done))


def _proof(visit: PortalVisit, reason: str = "") -> Proof:
    """How the person came in, and when; with a general objection also what they wrote (Article 21(1) GDPR)."""
    session = visit.session
    told = {"by": "portal"}
    if session is not None:
        told |= {"how": session.how.value, "entered_at": session.created_at.isoformat(), "language": visit.language}
    if reason:
        told |= {"reason": reason}
    mailbox = portal.proven_address(visit.house, session) if session is not None else None
    return Proof(json.dumps(told, ensure_ascii=False, sort_keys=True).encode(), mailbox=mailbox)


def _after(done: Chosen) -> str:
    """Where the page says what came of it; numbers of one's own declarations, nothing else."""
    query = {"saved": f"{done.seqs[0]}-{done.seqs[-1]}" if done.seqs else "0"}
    query |= {"mail": "1"} if done.to_confirm else {}
    query |= {"kept": "1"} if done.contradicted else {}
    return f"{HOME}?{urlencode(query)}"


def _page(visit: PortalVisit) -> Response:
    view = preferences(visit.house, visit.subject, now=visit.now, gpc=visit.gpc)
    return visit.page(
        "portal/preferences.html",
        view=view,
        tell=shown.Teller(visit.tongue, visit.now, view.objection(Scope.PROFILING).source is Source.SIGNAL),
        name_of=shown.name_of,
        Aim=Aim,
        was=shown.pack(shown.ticks(view)),
        ways=CHANNELS,
        saved=_saved(visit, view),
        waiting=[h for h in view.holders if h.state in (HolderState.STILL_HOLDS, HolderState.PENDING)],
        labels={purpose.key: purpose.label for purpose in view.purposes},
        newest=receipts.receipts(visit.house, visit.subject).lines[:3],
        signed_in=_signed_in(visit),
    )


def _signed_in(visit: PortalVisit) -> str:
    session = visit.session
    if session is None:
        return ""
    address = portal.proven_address(visit.house, session)
    if address is not None:
        return visit.tongue.say(N_("Signed in as %(address)s."), address=address)
    return visit.tongue.say(BY.get(session.how, N_("Signed in.")))


def _saved(visit: PortalVisit, view: Preferences) -> Saved | None:
    asked = visit.request.query_params.get("saved")
    if asked is None:
        return None
    mail, kept = (visit.request.query_params.get(key) == "1" for key in ("mail", "kept"))
    wanted = set(_numbers(asked))
    lines = receipts.receipts(visit.house, visit.subject).lines if wanted else ()
    mine = tuple(reversed([line for line in lines if line.seq in wanted]))
    at = mine[0].declaration.received_at if mine else None
    seqs = f"{mine[0].seq}-{mine[-1].seq}" if mine else "0"
    return Saved(mine, at, seqs, bool(mine) and mine[-1].seq == view.version, mail, kept)


def _numbers(written: str) -> tuple[int, ...]:
    """The numbers from a to b of `a-b`; none for anything else."""
    first, _, last = written.partition("-")
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()) or len(written) > 40:
        return ()
    low, high = int(first), int(last)
    return tuple(range(low, high + 1)) if 0 < low <= high < low + 1_000 else ()
