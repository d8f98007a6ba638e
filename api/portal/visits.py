"""What a page of the portal is given: who came in and how, the language, the browser's signal; and how it answers.

A visit is no console session: it opens by a link or a code, belongs to one person or one shared address, and ends by
itself. A posted form was proven to come from our own page before anything reads it. Only cookies that the page needs
are set (§ 25 TDDDG).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from api import security
from api.deps import LANGUAGE, THEME, VISITOR, Web, web_of
from api.i18n import LANGUAGES, N_, Tongue, negotiate
from api.pages import THEMES, render
from api.problems import Face
from api.security import NotSignedIn, TooManyAttempts
from api.throttle import Throttle
from api.wiring import House
from api.workflows import declaring
from api.workflows.declaring import Subject
from audit.errors import BadInput, NotFound
from consent.signals import gpc_is_on, gpc_values
from governance import visitors
from governance.visitors import Session
from governance.vocabulary import Language

VISIT = "lauter-portal"
HOUR = timedelta(hours=1)
MOST_FIELDS = 2_000
"""A choice per purpose, channel and field; the console's forms have fewer."""
FACES = ("/portal", "/u/", "/confirm/")

PLACES: tuple[tuple[str, str], ...] = (
    (N_("Preferences"), "/portal/preferences"),
    (N_("History"), "/portal/history"),
    (N_("Help"), "/portal/help"),
)


class AskedTooOften(TooManyAttempts):
    """More requests within an hour than anybody needs."""


@dataclass(frozen=True)
class Guards:
    """How often one may try, per hour; kept in memory (SEC-11)."""

    addresses: Throttle = field(default_factory=lambda: Throttle(5, HOUR))
    sources: Throttle = field(default_factory=lambda: Throttle(30, HOUR))
    writes: Throttle = field(default_factory=lambda: Throttle(60, HOUR))
    confirmations: Throttle = field(default_factory=lambda: Throttle(5, HOUR))


@dataclass(frozen=True)
class PortalVisit:
    """One request for a page of the portal."""

    request: Request
    web: Web
    session: Session | None
    known: Subject | None
    """Who came in; None: nobody yet, or somebody at a shared address."""
    now: datetime
    form: Mapping[str, str]

    @property
    def house(self) -> House:
        """The rooms."""
        return self.web.house

    @property
    def guards(self) -> Guards:
        """The limits of this process."""
        found: Guards = self.request.app.state.portal
        return found

    @property
    def subject(self) -> Subject:
        """Whose page it is.

        Raises:
            NotSignedIn: nobody came in, or only to the page of a shared address.
        """
        if self.known is None:
            raise NotSignedIn
        return self.known

    @property
    def language(self) -> Language:
        """The reader's own choice, else that of the link, else the browser's wish, else German."""
        cookie = security.read_cookie(self.request, LANGUAGE, https=self.web.https)
        asked = self.request.query_params.get("language")
        return negotiate(cookie if cookie in LANGUAGES else asked, self.request.headers.get("accept-language"))

    @property
    def tongue(self) -> Tongue:
        """The language, ready to speak."""
        return self.web.tongues[self.language]

    @property
    def gpc(self) -> bool:
        """Whether the browser sends the signal Global Privacy Control with this request."""
        return gpc_is_on(gpc_values(self.request.headers.raw))

    @property
    def source(self) -> str:
        """Where the request comes from, for limits alone; never stored."""
        return self.request.client.host if self.request.client else ""

    def page(
        self, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response:
        """A page in the portal's frame; a browser without a visit gets the cookie its forms are bound to."""
        cookie = self.session.cookie if self.session else (_visitor(self.request) or security.new_visitor())
        path = self.request.url.path
        response = render(
            self.web.environments,
            self.language,
            template,
            status,
            {"Vary": "Sec-GPC, Cookie, Accept-Language", **(headers or {})},
            me=self.session,
            known=self.known is not None,
            places=PLACES,
            path=path if self.request.method == "GET" and status < 400 else "/portal",  # what failed is not echoed
            theme=self._theme(),
            token=security.form_token(self.web.form_key, cookie),
            controller=self.house.catalogue.controller,
            gpc=self.gpc,
            now=self.now,
            **values,
        )
        if self.session is None and _visitor(self.request) is None:
            security.set_cookie(response, VISITOR, cookie, https=self.web.https)
        return response

    def go(self, path: str) -> Response:
        """On to another page; the form cannot be sent twice by reloading."""
        return RedirectResponse(path, 303)

    def _theme(self) -> str:
        theme = security.read_cookie(self.request, THEME, https=self.web.https)
        return theme if theme in THEMES else "auto"


async def read_choices(request: Request) -> dict[str, str]:
    """The fields of a form; only the plain encoding, so that nothing is ever spooled to disk."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise BadInput("a form is sent as application/x-www-form-urlencoded")
    try:
        text = (await request.body()).decode("ascii")
        return {key: value.strip() for key, value in parse_qsl(text, True, max_num_fields=MOST_FIELDS)}
    except ValueError:
        raise BadInput("the form is not encoded as the standard says, or has too many fields") from None


Form = Annotated[dict[str, str], Depends(read_choices)]


def anyone(request: Request) -> PortalVisit:
    """A page for everybody, signed in or not."""
    return visit_of(request, {})


def guest(request: Request) -> PortalVisit:
    """A page of one person."""
    return _named(anyone(request))


def anyone_posting(request: Request, form: Form) -> PortalVisit:
    """A form for everybody, proven to be sent from our own page."""
    visit = visit_of(request, form)
    cookie = visit.session.cookie if visit.session else _visitor(request)
    security.check_form(request, visit.web.form_key, cookie, form.get("token", ""))
    return visit


def guest_posting(request: Request, form: Form) -> PortalVisit:
    """A form of one person, at most sixty an hour.

    Raises:
        AskedTooOften: more than that.
    """
    visit = _named(anyone_posting(request, form))
    if visit.guards.writes.take(str(visit.subject.number), now=visit.now):
        raise AskedTooOften
    return visit


Open = Annotated[PortalVisit, Depends(anyone)]
Guest = Annotated[PortalVisit, Depends(guest)]
OpenPost = Annotated[PortalVisit, Depends(anyone_posting)]
GuestPost = Annotated[PortalVisit, Depends(guest_posting)]


def visit_of(request: Request, form: Mapping[str, str]) -> PortalVisit:
    """Who asks; a visit under way goes on for another hour."""
    web = web_of(request)
    now = web.clock()
    session = _session(request, web, now)
    known = _known(web.house, session)
    if session is not None and session.subject is not None and known is None:
        session = None  # erased since they came in
    return PortalVisit(request, web, session, known, now, form)


def problem_page(request: Request, face: Face) -> Response:
    """A refusal in the portal's frame, in fixed words; nothing that was sent is repeated."""
    visit = visit_of(request, {})
    headers = {"Retry-After": str(int(HOUR.total_seconds()))} if face.status == 429 else None
    return visit.page("portal/problem.html", face.status, headers, title=face.title.in_language(visit.language))


def way_back(path: str) -> str:
    """A path of the portal to return to; anything else leads to its door."""
    parts = urlsplit(path)
    inside = parts.path == "/portal" or any(parts.path.startswith(f"{face.rstrip('/')}/") for face in FACES)
    ours = not parts.scheme and not parts.netloc and inside
    return parts.path if ours and ".." not in parts.path and "\\" not in path else "/portal"


def _named(visit: PortalVisit) -> PortalVisit:
    if visit.known is None:
        raise NotSignedIn
    return visit


def _session(request: Request, web: Web, now: datetime) -> Session | None:
    cookie = security.read_cookie(request, VISIT, https=web.https)
    if not cookie:
        return None
    with web.house.work.reading() as connection:
        session = visitors.find_session(connection, cookie, now=now)
    until = visitors.slides(session, now=now) if session else None
    if session is not None and until is not None:
        with web.house.work.writing() as connection:
            visitors.prolong_session(connection, session, until=until)
    return session


def _known(house: House, session: Session | None) -> Subject | None:
    if session is None or session.subject is None:
        return None
    try:
        return declaring.of_number(house, session.subject)
    except NotFound:
        return None


def _visitor(request: Request) -> str | None:
    return security.read_cookie(request, VISITOR, https=web_of(request).https)
