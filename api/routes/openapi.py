"""What the API description says of refusals and headers: one place, so that every route tells the same."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from api.problems import MEDIA_TYPE


class Problem(BaseModel):
    """A refusal (RFC 9457); its words are fixed and never repeat what was sent."""

    type: str = Field(description="An address that names the kind of problem.")
    title: str = Field(description="What is wrong, in the language of Accept-Language.")
    status: int
    detail: str | None = Field(default=None, description="Which key, path or count; never a value.")
    mistakes: list[dict[str, str]] | None = Field(default=None, description="Where a body breaks which rule.")


WORDS = {
    401: "No token, or one that is not valid any more.",
    403: "The token's scope or role does not allow this.",
    404: "Nothing of that name, or nothing any more.",
    409: "A rule does not allow this now.",
    412: "The state named in If-Match is not the present one: read again, then decide.",
    422: "The request is incomplete or malformed.",
    428: "If-Match is missing.",
    429: "Too many requests; try again later.",
}


def problems(*statuses: int, **words: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route; `s409="…"` says more about one status."""
    return {status: _refusal(words.get(f"s{status}", WORDS[status])) for status in statuses}


def _refusal(description: str) -> dict[str, Any]:
    return {"description": description, "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}


def header(description: str) -> dict[str, Any]:
    """A header of an answer."""
    return {"description": description, "schema": {"type": "string"}}
