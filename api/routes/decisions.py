"""May we, now? One decision per call, for systems that ask before each use; the reference stands in the body alone."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from api.access import Right
from api.routes.access import Credentials, admit
from api.routes.openapi import problems
from api.routes.preference_models import Whom
from api.security import TooManyAttempts
from api.workflows import decisions
from governance.staff import Scope
from governance.vocabulary import Channel, Reason

router = APIRouter(tags=["decisions"])


class Question(Whom):
    """Whom it is about, what for, and how they would be reached."""

    purpose: str = Field(min_length=1, max_length=40, description="Purpose key of the catalogue.")
    channel: Channel | None = Field(default=None, description="Leave it out to ask about the processing alone.")


class InBothLanguages(BaseModel):
    """A sentence the person may read."""

    model_config = ConfigDict(extra="forbid")

    de: str
    en: str


class DecisionOut(BaseModel):
    """The decision of this instant; ask again before the next use instead of keeping it."""

    model_config = ConfigDict(extra="forbid")

    lawful: bool
    reason: Reason
    text: InBothLanguages


@router.post(
    "/decisions", responses={200: {"model": DecisionOut}, **problems(401, 403, 404, 422, 429)}, response_model=None
)
def decide(request: Request, credentials: Credentials, question: Question) -> Response:
    """Whether somebody may be used for a purpose now, over a channel if one is named.

    Unknown references are counted: whoever guesses is stopped after 120 in a quarter of an hour.
    """
    call = admit(request, credentials, Scope.READ, Right.PERSON)
    key = f"preferences {call.caller.handle}"
    if call.web.lookups.take(key, now=call.now) is not None:
        raise TooManyAttempts
    answer = decisions.decide(
        call.house, question.reference, question.purpose, question.channel, now=call.now, unit=question.unit
    )
    call.web.lookups.give_back(key)
    return JSONResponse(answer.to_json())
