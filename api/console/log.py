"""The log: what happened, newest first; one entry with its bytes and its proof; checkpoint and check.

Entries hold no names and no free text, so that reading them is no reading of personal data; still only the officer and
the auditor see them, because times and kinds of single acts can betray somebody (design 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.responses import PlainTextResponse, Response

from api.access import Right
from api.deps import Visit, posting, visiting
from api.i18n import N_
from api.jobs import LogHealth
from api.pages import role_of
from audit import checkpoint, log, merkle
from audit.log import Entry

router = APIRouter()
KINDS: dict[str, str] = {
    "accounts:imported": N_("Companies imported"),
    "activities:imported": N_("Activities imported"),
    "address:stopped": N_("Advertising to a shared address stopped"),
    "assignment:corrected": N_("Assignment corrected"),
    "assignment:explained": N_("Assignment explained"),
    "assignment:proven": N_("Assignment proven"),
    "alarm:acknowledged": N_("Alarm looked at"),
    "assignment:replayed": N_("Assignment computed again"),
    "assignment:read": N_("Assignments looked at"),
    "attributes:imported": N_("Protected attributes imported"),
    "authority:bundle_made": N_("Papers about a person put together"),
    "authority:bundle_sealed": N_("List of the papers about a person sealed"),
    "backup:made": N_("Backup made"),
    "catalogue:changed": N_("Catalogue changed"),
    "channel:used": N_("Use of a consent to calls recorded"),
    "consent:given": N_("Consent given"),
    "consent:refused": N_("Consent refused"),
    "consent:renewed": N_("Consent renewed"),
    "consent:requested": N_("Consent requested"),
    "consent:unknown": N_("Consent without evidence noted"),
    "consent:withdrawn": N_("Consent withdrawn"),
    "consents:imported": N_("Consents imported"),
    "contact:signed_up": N_("New contact by double opt-in"),
    "contacts:imported": N_("Contacts imported"),
    "correction:lifted": N_("Correction lifted"),
    "evidence:destroyed": N_("Evidence destroyed after its time"),
    "export:approved": N_("Export approved"),
    "export:built": N_("Export built"),
    "export:declined": N_("Export declined"),
    "export:refused": N_("Export refused"),
    "export:released": N_("Export released"),
    "export:requested": N_("Export requested"),
    "field:released": N_("Field released"),
    "field:withheld": N_("Field withheld"),
    "ground:ended": N_("Fact that opened a channel ended"),
    "ground:recorded": N_("Fact that opens a channel recorded"),
    "grounds:imported": N_("Facts that open channels imported"),
    "objection:lifted": N_("Objection lifted"),
    "objection:raised": N_("Objection raised"),
    "portal:entered": N_("Came into the portal"),
    "portal:left": N_("Left the portal"),
    "portal:letter_made": N_("Letter with a code made"),
    "portal:link_made": N_("Link into the portal made for a website"),
    "import:began": N_("Import begun"),
    "key:added": N_("Key added"),
    "key:destroyed": N_("Key destroyed"),
    "log:key_added": N_("Key of the log added"),
    "log:key_retired": N_("Key of the log retired"),
    "log:pruned": N_("Old entries pruned by written policy"),
    "log:restored": N_("Log restored from a backup"),
    "price:activated": N_("Price activated"),
    "price:checked": N_("Price checked"),
    "price:defined": N_("Price defined"),
    "price:refused": N_("Price refused"),
    "run:published": N_("Run published"),
    "scheme:activated": N_("Scheme version activated"),
    "scheme:activation_requested": N_("Activation of a scheme version requested"),
    "schedule:set": N_("Schedule of a scheme set"),
    "scheme:defined": N_("Scheme defined"),
    "scheme:refused": N_("Scheme version refused"),
    "scheme:withdrawn": N_("Scheme version withdrawn"),
    "retention:applied": N_("Records past their time removed"),
    "segment:noted": N_("Note on a segment written"),
    "session:began": N_("Signed in"),
    "session:ended": N_("Signed out"),
    "staff:added": N_("Staff account made"),
    "staff:disabled": N_("Staff account ended"),
    "staff:password_changed": N_("Password of a staff account changed"),
    "subject:looked_up": N_("Somebody looked up"),
    "subject:erased": N_("Erasure carried out"),
    "subject:erasure_ordered": N_("Erasure ordered"),
    "subject:restricted": N_("Processing restricted"),
    "subject:viewed": N_("Declarations looked at"),
    "token:made": N_("API token made"),
    "token:revoked": N_("API token revoked"),
    "webhook:added": N_("Webhook added"),
    "webhook:delivered": N_("Change told to a system of the company"),
    "webhook:ended": N_("Webhook ended"),
    "webhook:failed": N_("Change did not reach a system of the company"),
    "webhook:resumed": N_("Failed webhook deliveries sent again"),
}
"""What happened, in words; a test compares it with the facts that the code appends."""


@dataclass(frozen=True)
class Line:
    """One entry in the list."""

    index: int
    kind: str
    words: str
    """The kind in words where we have some."""
    actor: str
    """Message of the role's name."""
    at: datetime


@dataclass(frozen=True)
class EntryPage:
    """One entry, opened, with its place under the root."""

    entry: Entry
    line: Line
    values: tuple[tuple[str, str], ...]
    path: tuple[str, ...]
    size: int
    root: str
    verified: bool
    signed: checkpoint.Checkpoint | None


def entry_page(visit: Visit, index: int) -> EntryPage:
    """The entry and its inclusion proof under the root of the newest checkpoint, or of now."""
    with visit.house.work.reading() as connection:
        entry = log.entry(connection, index)
        note = checkpoint.covering(connection, index)
        claim = checkpoint.note_claim(note) if note else None
        size = claim.size if claim else log.size(connection)
        path = log.inclusion_proof(connection, index, size)
        root = claim.root if claim else log.root(connection, size)
    verified = merkle.root_from_inclusion_proof(index, size, entry.leaf_hash, path) == root
    values = tuple((key, _shown(value)) for key, value in sorted(entry.body.items()))
    return EntryPage(
        entry, line_of(entry), values, tuple(part.hex() for part in path), size, root.hex(), verified, claim
    )


def line_of(entry: Entry) -> Line:
    """An entry as the list shows it."""
    return Line(entry.index, entry.kind, KINDS.get(entry.kind, ""), role_of(entry.actor), entry.at)


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list | tuple):
        return ", ".join(_shown(part) for part in value)
    return (
        {None: "–", True: "✓", False: "–"}.get(value, str(value))
        if not isinstance(value, int) or isinstance(value, bool)
        else str(value)
    )


Reader = Annotated[Visit, Depends(visiting(Right.LOG))]


@router.get("/log/{index:int}")
def show_entry(visit: Reader, index: int) -> Response:
    """One entry."""
    return visit.page("entry.html", view=entry_page(visit, index))


@router.get("/checkpoint")
def download_checkpoint(visit: Annotated[Visit, Depends(visiting(Right.VERIFY))]) -> Response:
    """The newest signed note, byte for byte."""
    with visit.house.work.reading() as connection:
        note = checkpoint.latest(connection)
    if note is None:
        return visit.page("no_checkpoint.html", 404)
    return PlainTextResponse(note, headers={"Content-Disposition": 'attachment; filename="checkpoint.txt"'})


@router.get("/verify")
def show_check(visit: Annotated[Visit, Depends(visiting(Right.VERIFY))]) -> Response:
    """What the last check found."""
    return visit.page("verify.html", running=visit.web.jobs.under_way(CHECK), failed=None)


@router.post("/verify")
def check(visit: Annotated[Visit, Depends(posting(Right.VERIFY))]) -> Response:
    """Check everything, in the background."""
    job = visit.web.jobs.start(
        CHECK, str(visit.who.actor), _checking(visit, deep=bool(visit.form.get("deep"))), now=visit.now
    )
    return visit.go(f"/console/jobs/{job.id}")


CHECK = "verify"


def _checking(visit: Visit, *, deep: bool) -> Any:
    from api.workflows.log import verify_home

    def work(_show: Any) -> str:
        result = verify_home(visit.house, deep=deep)
        with visit.house.work.reading() as connection:
            size = log.size(connection)
        findings = tuple((str(finding["where"]), str(finding["what"])) for finding in result.findings)
        visit.web.watch.note(LogHealth(result.ok, size, findings, visit.web.clock(), deep))
        return "/console/verify"

    return work
