"""Who calls the API: a bearer token, its role and its scopes; checked before a route begins (SEC-4).

A token may do what both its scopes and its role allow. Cookies mean nothing here, so that no other site can make a
browser call the API.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from api.access import Right, may
from api.deps import Web, language_of, web_of
from api.security import NotPermitted, NotSignedIn
from api.wiring import House
from audit.errors import BadInput
from governance import staff
from governance.staff import ApiCaller, Scope
from governance.vocabulary import Actor, Language

BEARER = HTTPBearer(auto_error=False, description="A token made with `lauter staff token`.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]


@dataclass(frozen=True)
class Call:
    """One call: the house, who calls, and the instant."""

    web: Web
    caller: ApiCaller
    now: datetime
    language: Language

    @property
    def house(self) -> House:
        """The rooms."""
        return self.web.house

    @property
    def actor(self) -> Actor:
        """How the log calls them."""
        return self.caller.actor

    @property
    def exact(self) -> bool:
        """Whether this caller sees exact counts."""
        return may(self.caller.role, Right.EXACT)


def calling(scope: Scope, right: Right) -> Callable[..., Call]:
    """A route for callers with this scope, in a role with this right."""

    def call(request: Request, credentials: Credentials) -> Call:
        return admit(request, credentials, scope, right)

    return call


def admit(request: Request, credentials: Credentials, scope: Scope, right: Right) -> Call:
    """The call, if the token allows it; a route that is asked before each use does this in its own thread.

    Raises:
        NotSignedIn: no token, or none that lasts.
        NotPermitted: the scope or the role is missing.
    """
    web = web_of(request)
    now = web.clock()
    if credentials is None:
        raise NotSignedIn
    with web.house.work.reading() as connection:
        caller = staff.find_token(connection, credentials.credentials, now=now)
    if caller is None:
        raise NotSignedIn
    if scope not in caller.scopes or not may(caller.role, right):
        raise NotPermitted
    return Call(web, caller, now, language_of(request))


async def document(request: Request) -> str:
    """A JSON document as text, for the room that reads it with its own words for each mistake."""
    try:
        text = (await request.body()).decode("utf-8")
        json.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise BadInput("the body is no JSON document in UTF-8") from None
    return text


def told(call: Call, exact: dict[str, Any], rounded: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The exact answer for who may see it, the rounded one for everybody else."""
    return exact if call.exact else rounded()
