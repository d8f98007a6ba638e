"""The pages of what somebody declared: the list, each receipt with its files, and the notice as it was shown.

Everything here is read only, and only the visitor's own: a number that belongs to somebody else is not found.
"""

from __future__ import annotations

import re

from fastapi import APIRouter
from starlette.responses import Response

from api.portal.visits import Guest, PortalVisit
from api.workflows import receipts as workflow
from api.workflows.receipt_page import receipt_page
from api.workflows.receipt_pdf import receipt_pdf
from audit.errors import NotFound
from governance.notice_items import blocks_of

router = APIRouter()
JSON_LD, PDF, PROOF = "application/ld+json", "application/pdf", "application/octet-stream"
PER_PAGE = 50
SHA256 = re.compile(r"[0-9a-f]{64}")


@router.get("/receipts")
def show_list(visit: Guest) -> Response:
    """Everything the visitor declared, newest first, in pages."""
    lines = workflow.receipts(visit.house, visit.subject).lines
    asked = visit.request.query_params.get("page", "1")
    page = min(max(int(asked), 1), 100_000) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1
    shown = lines[(page - 1) * PER_PAGE : page * PER_PAGE]
    more = len(lines) > page * PER_PAGE
    return visit.page("portal/receipts.html", lines=shown, total=len(lines), number=page, more=more)


@router.get("/receipts/{seq:int}")
def show(visit: Guest, seq: int) -> Response:
    """One receipt to read."""
    place = _line(visit, seq).place
    receipt = receipt_page(visit.house, visit.subject, seq, visit.tongue)
    return visit.page("portal/receipt.html", receipt=receipt, place=place)


@router.get("/receipts/{seq:int}.json")
def as_json(visit: Guest, seq: int) -> Response:
    """The receipt for machines, as JSON-LD."""
    return _file(workflow.receipt_json(visit.house, visit.subject, seq), JSON_LD, f"receipt-{seq}.jsonld")


@router.get("/receipts/{seq:int}.pdf")
def as_pdf(visit: Guest, seq: int) -> Response:
    """The receipt on paper."""
    return _file(receipt_pdf(visit.house, visit.subject, seq, visit.tongue), PDF, f"receipt-{seq}.pdf")


@router.get("/receipts/{seq:int}.lauter-proof")
def as_proof(visit: Guest, seq: int) -> Response:
    """The proof file of the entry in the log."""
    data = workflow.proof_of(visit.house, visit.subject, seq, now=visit.now)
    return _file(data, PROOF, f"receipt-{seq}.lauter-proof")


@router.get("/notices/{digest}.txt")
def notice_text(visit: Guest, digest: str) -> Response:
    """The bytes that the hash is of."""
    found = workflow.notice(visit.house, _hash(digest))
    return _file(found.notice.text.encode(), "text/plain; charset=utf-8", f"notice-{digest[:16]}.txt")


@router.get("/notices/{digest}")
def show_notice(visit: Guest, digest: str) -> Response:
    """A notice as it was shown, in its own language, whatever language the page has."""
    found = workflow.notice(visit.house, _hash(digest))
    blocks = blocks_of(found.notice.text)
    label = visit.house.catalogue.purposes.get(found.notice.purpose)
    other = None if found.other is None else found.other.hex()
    return visit.page(
        "portal/notice.html", notice=found.notice, blocks=blocks, other=other, label=label.label if label else None
    )


def _hash(digest: str) -> bytes:
    if not SHA256.fullmatch(digest):
        raise NotFound("a notice is named by the SHA-256 of its text")
    return bytes.fromhex(digest)


def _line(visit: PortalVisit, seq: int) -> workflow.ReceiptLine:
    for line in workflow.receipts(visit.house, visit.subject).lines:
        if line.seq == seq:
            return line
    raise NotFound("there is no such receipt")


def _file(data: bytes, media_type: str, name: str) -> Response:
    return Response(data, 200, {"Content-Disposition": f'attachment; filename="{name}"'}, media_type)
