"""The web service: console, JSON API and public checkpoint, put together around an open house.

Nothing analytic is imported here: the process is up before anybody needs a segment. Every error leaves through one
door: a problem document for the API, a page with the same fixed words for the console.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from api import problems
from api.console.router import router as console_router
from api.deps import Visit, Web, caller_of, frame, language_of, web_of
from api.handles import Handles
from api.health import router as health_router
from api.i18n import tongues
from api.jobs import Jobs, LogWatch
from api.logs import RequestLog, new_log
from api.metrics import Metrics
from api.pages import environment
from api.portal.router import router as portal_router
from api.portal.visits import FACES, Guards, problem_page
from api.problems import Face, detail_of, face_of
from api.routes.router import router as api_router
from api.routes.tiles import router as tiles_router
from api.security import NotSignedIn, SecurityHeaders, is_https
from api.throttle import Throttle
from audit.errors import LauterError
from governance.version import VERSION

if TYPE_CHECKING:
    from api.wiring import House

STATIC = Path(__file__).parent / "static"
WINDOW = timedelta(minutes=15)
ATTEMPTS_PER_NAME, ATTEMPTS_PER_SOURCE, LOOKUPS = 5, 30, 120
API = ("/api/", "/metrics", "/health/")
"""Where programs ask: they are answered with problem documents, not with pages."""
SIGN_EVERY_SECONDS = 60
WORKER_SECONDS = 15
"""How long a mail or delivery under way may take to end when the service stops; what is cut off is done again."""


def read_clock() -> datetime:
    """The one reading of the clock in a request."""
    return datetime.now(UTC)


def create_app(house: House, *, clock: Callable[[], datetime] = read_clock, log: Any = None) -> FastAPI:
    """The service over an open house; the house stays the caller's to close."""
    facts = log or new_log()
    jobs = Jobs(facts)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        facts.info("service:started", version=VERSION)
        with _worker(house, clock, facts):
            async with anyio.create_task_group() as beside:
                beside.start_soon(_sign_regularly, house, clock, facts)
                yield
                beside.cancel_scope.cancel()
        jobs.close()
        facts.info("service:stopped")

    app = FastAPI(
        title="Lauter",
        version=VERSION,
        summary="Customer segments on permitted data only: explained, proven, correctable.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.web = _web(house, clock, jobs, facts)
    app.state.portal = Guards()
    app.include_router(api_router)
    app.include_router(tiles_router)
    app.include_router(console_router)
    app.include_router(portal_router)
    app.include_router(health_router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_api_route("/", _to_console, include_in_schema=False)
    for kind, handler in (
        (LauterError, _on_refusal),
        (RequestValidationError, _on_invalid),
        (HTTPException, _on_http),
        (Exception, _on_bug),
    ):
        app.add_exception_handler(kind, handler)
    app.add_middleware(SecurityHeaders, https=is_https(house.settings.public_url))
    app.add_middleware(RequestLog, log=facts, metrics=app.state.web.metrics)
    return app


@contextmanager
def _worker(house: House, clock: Callable[[], datetime], facts: Any) -> Iterator[None]:
    """Mails, webhooks and sweeps in a thread beside the requests, for as long as the service runs."""
    from api.mail import mailer_of
    from api.worker import work_forever

    mailer = mailer_of(house.settings, house.catalogue.controller)
    stop = Event()
    beside = Thread(
        target=lambda: work_forever(house, mailer, clock=clock, stop=stop, log=facts), name="lauter-worker", daemon=True
    )
    beside.start()
    try:
        yield
    finally:
        stop.set()
        beside.join(WORKER_SECONDS)


async def _sign_regularly(house: House, clock: Callable[[], datetime], facts: Any) -> None:
    """Sign the log once a minute while it grows: nothing stays unsigned for longer (LOG-4)."""
    from api.workflows.log import sign_checkpoint

    while True:
        await anyio.sleep(SIGN_EVERY_SECONDS)
        try:
            await anyio.to_thread.run_sync(lambda: sign_checkpoint(house, now=clock()))
        except LauterError as error:
            facts.error("checkpoint:failed", error=type(error).__name__)


def _web(house: House, clock: Callable[[], datetime], jobs: Jobs, facts: Any) -> Web:
    spoken = tongues(house.catalogue.controller.time_zone)
    return Web(
        house=house,
        clock=clock,
        tongues=spoken,
        environments={language: environment(tongue) for language, tongue in spoken.items()},
        names=Throttle(ATTEMPTS_PER_NAME, WINDOW),
        sources=Throttle(ATTEMPTS_PER_SOURCE, WINDOW),
        lookups=Throttle(LOOKUPS, WINDOW),
        handles=Handles(),
        jobs=jobs,
        watch=LogWatch(),
        log=facts,
        https=is_https(house.settings.public_url),
        metrics=Metrics(house, clock),
    )


def _to_console() -> Response:
    return RedirectResponse("/console", 303)


def _on_refusal(request: Request, error: Exception) -> Response:
    if isinstance(error, NotSignedIn) and not request.url.path.startswith(API):
        return RedirectResponse("/portal" if request.url.path.startswith(FACES) else "/console/sign-in", 303)
    return _answer(request, face_of(error), detail_of(error) if isinstance(error, LauterError) else None)


def _on_invalid(request: Request, error: Exception) -> Response:
    mistakes = problems.places(error) if isinstance(error, RequestValidationError) else []
    return _answer(request, problems.INVALID, None, mistakes=mistakes)


def _on_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return _answer(request, problems.HTTP.get(status, problems.INVALID if status < 500 else problems.UNEXPECTED), None)


def _on_bug(request: Request, error: Exception) -> Response:
    web_of(request).log.error("request:failed", error=type(error).__name__)
    return _answer(request, problems.UNEXPECTED, None)


def _answer(request: Request, face: Face, detail: str | None, **extensions: Any) -> Response:
    language = language_of(request)
    if request.url.path.startswith(API):
        return problems.problem(face, language, detail=detail, **extensions)
    if request.url.path.startswith(FACES):
        return problem_page(request, face)
    web = web_of(request)
    now = web.clock()
    visit = Visit(request, web, caller_of(request, web, now), now, {})
    headers = {"Retry-After": "900"} if face.status == 429 else None
    title = face.title.in_language(language)
    return frame(visit, "problem.html", face.status, headers, title=title, detail=detail, back="/console")
