"""`lauter serve`: the console and the JSON API, in one process."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli import output
from audit.errors import BadInput

GRACE_SECONDS = 20


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command("serve")(serve)


def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on.")] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve the console at /console and the API at /api/v1 until interrupted."""
    import uvicorn

    from api.app import create_app
    from api.mail import mailer_of
    from api.running import serving
    from api.security import is_https, is_loopback

    settings = output.invocation(context).settings
    https = is_https(settings.public_url)
    if not https and not is_loopback(host):
        raise BadInput(
            "serving other machines needs https: put a proxy with a certificate in front and set LAUTER_PUBLIC_URL "
            "to its https address, or listen on 127.0.0.1"
        )
    with serving(settings), output.house(context) as house:
        mailer_of(settings, house.catalogue.controller)  # refused here, in words, not inside the started service
        sweep_runs(house)
        sweep_erasures(house)
        output.notes.print(f"Lauter serves http://{host}:{port}/console (end with Ctrl-C)", markup=False)
        uvicorn.run(
            create_app(house),
            host=host,
            port=port,
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=https,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )


def sweep_runs(house: object) -> None:
    """Remove what a killed run left behind before anybody looks."""
    from segmentation.run import sweep

    with house.work.writing() as connection:  # type: ignore[attr-defined]
        sweep(connection)


def sweep_erasures(house: object) -> None:
    """Finish the erasures that a killed process left, before anybody looks."""
    from api.workflows.erasing import sweep

    sweep(house, now=output.now())  # type: ignore[arg-type]
