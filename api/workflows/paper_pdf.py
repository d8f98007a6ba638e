"""A record as PDF with a structure tree for screen readers (PDF/UA-1), set by Typst; nothing is fetched."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from api.i18n import Tongue
    from governance.papers import Paper


def paper_pdf(paper: Paper, tongue: Tongue, *, now: datetime) -> bytes:
    """The paper in one language; the same state at the same instant gives the same bytes."""
    import typst

    words = {
        "made": tongue.say("As of %(at)s", at=tongue.formats.moment(now)),
        "open": tongue.say("To be added"),
    }
    made: bytes = typst.compile(
        resources.files("api").joinpath("paper.typ").read_bytes(),
        sys_inputs={"paper": json.dumps(paper.to_json(tongue.language)), "words": json.dumps(words)},
        pdf_standards=["a-2a", "ua-1"],
        ignore_system_fonts=True,
        timestamp=int(now.timestamp()),
    )
    return made
