"""What a route is given: the house, the clock, the language, and who asks; nothing of it is global.

The clock is read once per request. A page's `Visit` knows the caller, whose role was checked against the table of
`api.access` before the route began; a posted form was proven to be ours before anything reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from jinja2 import Environment
from starlette.responses import RedirectResponse, Response

from api import security
from api.access import Right, may
from api.handles import Handles
from api.i18n import Tongue, negotiate
from api.jobs import Jobs, LogHealth, LogWatch
from api.metrics import Metrics
from api.pages import THEMES, navigation, render
from api.security import NotPermitted, NotSignedIn
from api.throttle import Throttle
from api.wiring import House
from api.workflows.watching import last_look
from audit.errors import BadInput
from governance import staff
from governance.keys import KeyRole
from governance.vocabulary import Actor, Language, Role

SESSION, VISITOR, LANGUAGE, THEME = "lauter", "lauter-visitor", "lauter-language", "lauter-theme"
MOST_FIELDS = 2_000


@dataclass(frozen=True)
class Web:
    """Everything the web process holds besides the house; made once by `create_app`."""

    house: House
    clock: Callable[[], datetime]
    tongues: Mapping[Language, Tongue]
    environments: Mapping[Language, Environment]
    names: Throttle
    sources: Throttle
    lookups: Throttle
    handles: Handles
    jobs: Jobs
    watch: LogWatch
    log: Any
    https: bool
    metrics: Metrics

    @property
    def form_key(self) -> bytes:
        """The key that form tokens are made under."""
        return self.house.keys.current(KeyRole.SESSION).secret


@dataclass(frozen=True)
class Caller:
    """Who is signed in."""

    name: str
    role: Role
    actor: Actor
    session: str = field(repr=False)

    def may(self, right: Right) -> bool:
        """Whether this role has the right."""
        return may(self.role, right)


@dataclass(frozen=True)
class Visit:
    """One request for a page: who asks, in which language, at what instant, and how to answer."""

    request: Request
    web: Web
    caller: Caller | None
    now: datetime
    form: Mapping[str, str]

    @property
    def house(self) -> House:
        """The rooms."""
        return self.web.house

    @property
    def who(self) -> Caller:
        """The caller of a page that only somebody signed in may see.

        Raises:
            NotSignedIn: nobody is.
        """
        if self.caller is None:
            raise NotSignedIn
        return self.caller

    @property
    def tongue(self) -> Tongue:
        """The language of the answer."""
        return self.web.tongues[language_of(self.request)]

    @property
    def exact(self) -> bool:
        """Whether this role sees exact counts."""
        return self.who.may(Right.EXACT)

    def page(
        self, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """A page in the common frame."""
        return frame(self, template, status, headers, **values)

    def go(self, path: str) -> Response:
        """On to another page; the form cannot be sent twice by reloading."""
        return RedirectResponse(path, 303)


def web_of(request: Request) -> Web:
    """What `create_app` put together."""
    found: Web = request.app.state.web
    return found


def language_of(request: Request) -> Language:
    """The language of the answer to this request."""
    https = web_of(request).https
    return negotiate(security.read_cookie(request, LANGUAGE, https=https), request.headers.get("accept-language"))


def caller_of(request: Request, web: Web, now: datetime) -> Caller | None:
    """Who holds the session cookie, if the session still lasts."""
    cookie = security.read_cookie(request, SESSION, https=web.https)
    if not cookie:
        return None
    with web.house.work.reading() as connection:
        member = staff.find_session(connection, cookie, now=now)
    if member is None:
        return None
    return Caller(member.name, member.role, member.actor, cookie)


def visiting(right: Right | None) -> Callable[..., Visit]:
    """A page for whoever has the right; None is for pages before sign-in."""

    def visit(request: Request) -> Visit:
        return _admit(request, right, {})

    return visit


def posting(right: Right | None) -> Callable[..., Visit]:
    """A form for whoever has the right, proven to be sent from our own page."""

    def visit(request: Request, form: Mapping[str, str] = Depends(read_form)) -> Visit:
        admitted = _admit(request, right, form)
        cookie = admitted.caller.session if admitted.caller else _visitor(request)
        security.check_form(request, admitted.web.form_key, cookie, form.get("token", ""))
        return admitted

    return visit


def _admit(request: Request, right: Right | None, form: Mapping[str, str]) -> Visit:
    web = web_of(request)
    now = web.clock()
    caller = caller_of(request, web, now)
    if right is not None and caller is None:
        raise NotSignedIn
    if right is not None and caller is not None and not caller.may(right):
        raise NotPermitted
    return Visit(request, web, caller, now, form)


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form; only the plain encoding, so that nothing is ever spooled to disk."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadInput("a form is sent as application/x-www-form-urlencoded")
    try:
        text = (await request.body()).decode("ascii")
        return {
            key: value.strip() for key, value in parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
        }
    except ValueError:
        raise BadInput("the form is not encoded as the standard says, or has too many fields") from None


def _visitor(request: Request) -> str | None:
    return security.read_cookie(request, VISITOR, https=web_of(request).https)


def frame(visit: Visit, template: str, status: int, headers: Mapping[str, str] | None, **values: Any) -> Response:
    """Render within the frame, and give a browser without a session the cookie its forms are bound to."""
    web, request, caller = visit.web, visit.request, visit.caller
    cookie = caller.session if caller else (_visitor(request) or security.new_visitor())
    theme = security.read_cookie(request, THEME, https=web.https)
    path = request.url.path
    response = render(
        web.environments,
        visit.tongue.language,
        template,
        status,
        headers,
        me=caller,
        may=caller.may if caller else lambda _right: False,
        Right=Right,
        exact=bool(caller and caller.may(Right.EXACT)),
        navigation=navigation(caller.role, path) if caller else [],
        path=path if request.method == "GET" and status < 400 else "/console",  # an unknown address is not echoed
        theme=theme if theme in THEMES else "auto",
        token=security.form_token(web.form_key, cookie),
        controller=web.house.catalogue.controller,
        health=_health(web) if caller else None,
        now=visit.now,
        **values,
    )
    if caller is None and _visitor(request) is None:
        security.set_cookie(response, VISITOR, cookie, https=web.https)
    return response


def _health(web: Web) -> LogHealth | None:
    """The newest check of the log: by this process, or the daily look of whichever worker."""
    here, daily = web.watch.last, last_look(web.house.settings)
    if daily is None or (here is not None and here.checked_at >= daily.at):
        return here
    return LogHealth(daily.ok, daily.size, tuple((kind, "") for kind in daily.alarms), daily.at, deep=True)
