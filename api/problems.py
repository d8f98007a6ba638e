"""One table from refusals to what the outside reads: problem documents (RFC 9457) and error pages, fixed in advance.

No body of a 4xx or 5xx ever repeats what was sent (SEC-1): titles are fixed texts in both languages. Where a mistake
has a place (the path in a definition, the reason of a gate) the refusal's own sentence follows as detail; those
sentences hold keys and counts only, and whatever in them is not a plain key is blotted out here once more.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from audit.errors import LauterError
from governance.vocabulary import Language, Text

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "https://lauter.example/problems/"


@dataclass(frozen=True)
class Face:
    """How a refusal looks from outside."""

    status: int
    slug: str
    title: Text
    tells: bool = False
    """The refusal's own sentence may follow: it names keys, paths and counts, and helps to mend."""


def read_table() -> dict[str, Face]:
    """The table `problems.toml`: qualified class name to face."""
    text = Path(__file__).with_name("problems.toml").read_text(encoding="utf-8")
    return {
        name: Face(row["status"], row["slug"], Text(row["de"], row["en"]), row.get("tells", False))
        for name, row in tomllib.loads(text).items()
    }


FACES = read_table()
UNEXPECTED = FACES["unexpected"]
INVALID = FACES["invalid"]
HTTP: dict[int, Face] = {404: FACES["no-such-address"], 405: FACES["method-not-allowed"]}


def face_of(error: BaseException) -> Face:
    """The face of an error: its own, else that of the nearest class above it."""
    for parent in type(error).__mro__:
        face = FACES.get(f"{parent.__module__}.{parent.__qualname__}")
        if face is not None:
            return face
    return UNEXPECTED


_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"|„([^“]*)“|“([^”]*)”")
_KEY = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,60}")
_ADDRESS = re.compile(r"\S*@\S*|\+?\d[\d /()-]{6,}\d")


def detail_of(error: LauterError) -> str | None:
    """The refusal's own sentence where its face lets it speak, without anything that is not a plain key."""
    if not face_of(error).tells or not str(error):
        return None

    def blot(match: re.Match[str]) -> str:
        inner = next(group for group in match.groups() if group is not None)
        return match.group(0) if _KEY.fullmatch(inner) else "…"

    return _ADDRESS.sub("…", _QUOTED.sub(blot, str(error)))[:2_000]


def problem(face: Face, language: Language, *, detail: str | None = None, **extensions: Any) -> JSONResponse:
    """A problem document in the reader's language."""
    body: dict[str, Any] = {
        "type": TYPE_BASE + face.slug,
        "title": face.title.in_language(language),
        "status": face.status,
    }
    if detail:
        body["detail"] = detail
    body.update({key: value for key, value in extensions.items() if value})
    headers: dict[str, str] = {"Content-Language": language}
    if face.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if face.status == 429:
        headers["Retry-After"] = "3600" if face.slug == "asked-too-often" else "900"
    return JSONResponse(body, face.status, headers, MEDIA_TYPE)


def places(error: RequestValidationError) -> list[dict[str, str]]:
    """Where a request fails its schema and which rule it breaks; never the value, its text or an unknown key's name."""
    found = []
    for mistake in error.errors():
        known = [str(part) for part in mistake["loc"] if isinstance(part, int) or mistake["type"] != "extra_forbidden"]
        found.append({"where": "/".join(part for part in known if _KEY.fullmatch(part)), "rule": str(mistake["type"])})
    return found[:50]
