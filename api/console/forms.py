"""What a form got wrong, said beside the field and once more on top; and where a form may lead back to."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from api.deps import Visit
from api.problems import detail_of, face_of
from audit.errors import LauterError


@dataclass(frozen=True)
class Mistake:
    """One thing to mend; without a field it concerns the whole form."""

    field: str
    text: str


def missing(visit: Visit, wanted: dict[str, str]) -> list[Mistake]:
    """The wanted fields that are empty, each with what to say."""
    return [Mistake(key, visit.tongue.say(text)) for key, text in wanted.items() if not visit.form.get(key)]


def refused(visit: Visit, error: LauterError) -> list[Mistake]:
    """A refusal as the form's mistake: the fixed title, then the refusal's own sentence where it may speak."""
    title = face_of(error).title.in_language(visit.tongue.language)
    detail = detail_of(error)
    return [Mistake("", f"{title} {detail}" if detail else title)]


def way_back(path: str) -> str:
    """A path of the console to return to; anything else leads to the overview."""
    parts = urlsplit(path)
    ours = not parts.scheme and not parts.netloc and (parts.path == "/console" or parts.path.startswith("/console/"))
    return parts.path if ours and ".." not in parts.path and "\\" not in path else "/console"
