"""The sheet of a letter with a code: what it says in both languages, its drawing, and the file for whoever prints it.

Nobody knows which language its reader speaks, so it speaks both. It advertises nothing and names the right to object
(Article 21(4) GDPR).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import segno
from markupsafe import Markup

from api.i18n import N_, Tongue, tongues
from api.pages import environment

if TYPE_CHECKING:
    from api.workflows.portal import Letter
    from governance.controller import Controller
    from governance.vocabulary import Language

SCALE = 3
CSS = Path(__file__).parent / "static" / "lauter.css"
HEADING = N_("Your way to your preferences")
TEXTS = (
    N_(
        "You asked %(controller)s for this letter. With the code above you see what your data may be used for, change "
        "it, and object. You need no e-mail address and no account."
    ),
    N_("Scan the drawing, or open %(url)s and type the code. Capital or small letters and dashes do not matter."),
    N_("The code works once, until %(day)s. Keep it to yourself: whoever has it sees your preferences."),
)
RIGHT = N_(
    "You may object to advertising, and to profiles for it, at any time and without a reason. It then ends at once."
)
NOT_ASKED = N_("You did not ask for this? Throw the letter away, or write to %(address)s.")


@dataclass(frozen=True)
class Part:
    """The letter in one language."""

    language: Language
    heading: str
    texts: tuple[str, ...]
    right: str
    """The right to object, apart from everything else."""
    day: str


def sheet(spoken: Mapping[Language, Tongue], letter: Letter, controller: Controller) -> dict[str, Any]:
    """What the template of the sheet shows."""
    parts = [_part(tongue, letter, controller) for tongue in spoken.values()]
    return {"letter": letter, "spoken": parts, "qr": qr_of(letter.url)}


def qr_of(url: str) -> Markup:
    """The link as a drawing; paths and attributes only, so that the policy of a page lets it through."""
    code = segno.make(url, error="m", micro=False)
    return Markup(code.svg_inline(scale=SCALE, omitsize=True, lineclass=None, svgclass="qr"))  # noqa: S704 - our own


def file_of(letter: Letter, controller: Controller) -> str:
    """The sheet as one file that any browser prints, with nothing to fetch."""
    spoken = tongues(controller.time_zone)
    template = environment(spoken["de"]).get_template("letter_file.html")
    css = Markup(CSS.read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return template.render(**sheet(spoken, letter, controller), controller=controller, css=css)


def _part(tongue: Tongue, letter: Letter, controller: Controller) -> Part:
    values = {
        "controller": controller.name,
        "url": letter.url.rsplit("/", 2)[0],
        "day": tongue.formats.long_day(letter.expires_at),
    }
    texts = [tongue.say(text, **values) for text in TEXTS]
    if controller.email:
        texts.append(tongue.say(NOT_ASKED, address=controller.email))
    made = tongue.formats.long_day(letter.made_at)
    return Part(tongue.language, tongue.say(HEADING), tuple(texts), tongue.say(RIGHT), made)
