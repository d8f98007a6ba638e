"""A receipt as PDF, set by Typst: tagged for screen readers (PDF/UA-1), for the archive (PDF/A-3a), the same each time.

Nothing is fetched and no font of the machine is used, so that every machine sets the same bytes.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

from api.workflows.receipt_page import receipt_page
from api.workflows.receipts import receipt_input
from consent.receipts import receipt, to_bytes

if TYPE_CHECKING:
    from api.i18n import Tongue
    from api.wiring import House
    from api.workflows.declaring import Subject


def receipt_pdf(house: House, subject: Subject, seq: int, tongue: Tongue) -> bytes:
    """The receipt of one declaration on paper, with the JSON-LD inside.

    Raises:
        NotFound: it is none of this subject's declarations.
    """
    import typst

    given = receipt_input(house, subject, seq)
    inputs = {
        "page": json.dumps(receipt_page(house, subject, seq, tongue).to_json()),
        "words": json.dumps(_words(tongue)),
        "document": to_bytes(receipt(given)).decode(),
    }
    template = resources.files("api").joinpath("receipt.typ").read_bytes()
    made: bytes = typst.compile(
        template,
        sys_inputs=inputs,
        pdf_standards=["a-3a", "ua-1"],
        ignore_system_fonts=True,
        timestamp=int(given.declaration.received_at.timestamp()),
    )
    return made


def _words(tongue: Tongue) -> dict[str, str]:
    return {
        "kind": tongue.say("Receipt"),
        "rights": tongue.say("What you can do"),
        "portal": tongue.say("Your settings"),
        "notice": tongue.say("What you were told"),
        "version": tongue.say("Version"),
        "language": tongue.say("Language"),
        "digest": tongue.say("SHA-256 of the text"),
        "attached": tongue.say("The same receipt for machines (JSON-LD)"),
    }
