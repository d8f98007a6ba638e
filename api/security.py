"""What every answer carries, what a cookie may be, and how a form proves that our own page sent it.

No script, no third party, no framing, nothing kept by the browser or a proxy (ASVS 3.3 to 3.5 and 14.3.2). A form
token is an HMAC under the session key over the visitor's cookie: nothing is stored, and a token of one session is
worthless in another.
"""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audit.errors import BadInput, Refused

POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
STATIC_PREFIX = "/static/"
LOG_PREFIX = "/log/"
LARGEST_BODY = 1 << 20
"""Bytes of a form or JSON body; uploads have limits of their own and are never held as a whole."""
UPLOADS = ("/api/v1/imports/", "/console/imports")
"""Where a body may be of any length: it is read in pieces, by whoever may import, and never held as a whole."""


class FormNotOurs(Refused):
    """The form was not sent from our own page in this session (cross-site request forgery)."""


class TooManyAttempts(Refused):
    """Too many attempts in a short time; later they count again."""


class NotSignedIn(Refused):
    """Nobody is signed in, or the session has ended."""


class NotPermitted(Refused):
    """The role may not see or do this."""


class BodyTooLarge(BadInput):
    """The body of the request is larger than any form or document may be."""


class SecurityHeaders:
    """Put the headers on every answer, errors included, and refuse an oversized body before it is read."""

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self.app = app
        self.https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._stamp(MutableHeaders(scope=message), scope["path"], message["status"])
            await send(message)

        await self.app(scope, _counted(scope, receive), send_with_headers)

    def _stamp(self, headers: MutableHeaders, path: str, status: int) -> None:
        for name, value in HEADERS.items():
            headers[name] = value
        if self.https:
            headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        if path.startswith(LOG_PREFIX) and status == 200 and "Cache-Control" in headers:
            return  # tiles say for how long they last: for ever
        fresh = path.startswith(STATIC_PREFIX) and status in {200, 304}
        headers["Cache-Control"] = "public, max-age=3600" if fresh else "no-store"


def _counted(scope: Scope, receive: Receive) -> Receive:
    if scope["path"].startswith(UPLOADS):
        return receive
    seen = 0

    async def receive_counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise BodyTooLarge(f"the body is larger than {LARGEST_BODY} bytes")
        return message

    return receive_counted


def is_https(public_url: str) -> bool:
    """Whether browsers reach us encrypted; plain HTTP is for the loopback of one machine."""
    return urlsplit(public_url).scheme == "https"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def cookie_name(name: str, *, https: bool) -> str:
    """`__Host-` binds a cookie to this very host; browsers take it over https alone."""
    return f"__Host-{name}" if https else name


def set_cookie(response: Response, name: str, value: str, *, https: bool, seconds: int | None = None) -> None:
    """A cookie that scripts cannot read and other sites cannot send along with a post."""
    response.set_cookie(
        cookie_name(name, https=https), value, max_age=seconds, path="/", secure=https, httponly=True, samesite="lax"
    )


def drop_cookie(response: Response, name: str, *, https: bool) -> None:
    """Take a cookie back."""
    response.delete_cookie(cookie_name(name, https=https), path="/", secure=https, httponly=True, samesite="lax")


def read_cookie(request: Request, name: str, *, https: bool) -> str | None:
    """The cookie's value, if the browser sent it."""
    return request.cookies.get(cookie_name(name, https=https))


def new_visitor() -> str:
    """Random value of the cookie that binds a form to a browser before anybody signed in."""
    return secrets.token_urlsafe(16)


def form_token(key: bytes, cookie: str) -> str:
    """What a form of the holder of this cookie carries."""
    return hmac.new(key, b"form\x00" + cookie.encode(), sha256).hexdigest()


def check_form(request: Request, key: bytes, cookie: str | None, token: str) -> None:
    """Let a post through only when our own page sent it.

    Raises:
        FormNotOurs: the token does not belong to the cookie, or the browser says that another site sent the form.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise FormNotOurs("another site sent this form")
    if not cookie or not hmac.compare_digest(form_token(key, cookie), token):
        raise FormNotOurs("the form belongs to another session or is too old")
