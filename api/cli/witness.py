"""`lauter audit witness`, `cosign`, `monitor`, `prune`: what makes the log trustworthy without its operator."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from api.cli import output
from audit.errors import BadInput

if TYPE_CHECKING:
    from api.workflows.pruning import Pruned
    from api.workflows.witnesses import Cosigned
    from audit.policy import Policy

TOKEN = "LAUTER_TOKEN"  # noqa: S105  # the variable's name; a token on the command line would stand in `ps`


def register(group: typer.Typer) -> None:
    """Attach the commands to `lauter audit`."""
    group.command("witness")(witness)
    group.command("cosign")(cosign)
    group.command("monitor")(monitor)
    group.command("prune")(prune)


def witness(
    state: Annotated[Path, typer.Option("--state", help="Folder of this witness's key and memory; made if missing.")],
    listen: Annotated[str, typer.Option("--listen", help="HOST:PORT, such as 127.0.0.1:8090.")],
    log: Annotated[list[str], typer.Option("--log", help="Verifier key of a log to witness; repeat for more.")],
    name: Annotated[str, typer.Option("--name", help="The witness's name: its address without https://.")],
    prefix: Annotated[str, typer.Option("--prefix", help="Path before /add-checkpoint, such as /w1.")] = "",
) -> None:
    """Cosign what logs publish, for as long as each checkpoint follows the last. Needs no home."""
    from audit.witness import open_witness
    from audit.witness_server import serve_witness

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise BadInput("--listen must read HOST:PORT, such as 127.0.0.1:8090")
    opened = open_witness(state, name, log)
    server = serve_witness(opened, host.strip("[]"), int(port), clock=output.now, prefix=prefix.rstrip("/"))
    output.screen.print(opened.cosigner.vkey, markup=False)
    output.notes.print(f"Witness of {len(log)} key(s) at http://{host}:{server.server_address[1]} (end with Ctrl-C)")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
        opened.state.close()


def cosign(context: typer.Context) -> None:
    """Sign the log and ask the witnesses of log.policy to cosign it; exit 1 names who did not."""
    from api.workflows.log import sign_checkpoint
    from api.workflows.witnesses import cosign as ask

    with output.house(context) as house:
        sign_checkpoint(house, now=output.now())
        result = ask(house, now=output.now())
    output.answer(context, result, _show_cosigned)
    if not result.ok:
        raise typer.Exit(output.EXIT_REFUSED)


def monitor(
    context: typer.Context,
    state: Annotated[Path, typer.Option("--state", help="Folder in which the monitor remembers what it saw.")],
    url: Annotated[str | None, typer.Argument(help="The log's prefix, https://…/log; else this home's own.")] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="C2SP policy file; needed with an address.")] = None,
    hours: Annotated[int, typer.Option("--older-than", min=1, help="Hours after which a checkpoint is too old.")] = 48,
) -> None:
    """Derive every root anew and compare it with last time; one line of JSON, exit 1 when something must not be.

    Entries behind an address are read with the token in LAUTER_TOKEN.
    """
    from api.workflows import monitoring

    trusted, limit = _policy(policy), timedelta(hours=hours)
    if url is not None:
        if trusted is None:
            raise BadInput("--policy is needed: without the log's key nothing can be checked")
        look = monitoring.watch_address(
            url, trusted, state, token=os.environ.get(TOKEN), now=output.now(), older_than=limit
        )
    else:
        with output.house(context, sign=False) as house:
            look = monitoring.watch_house(house, trusted, state, now=output.now(), older_than=limit)
    sys.stdout.write(json.dumps(look.to_json(), ensure_ascii=False, sort_keys=True) + "\n")
    if not look.ok:
        raise typer.Exit(output.EXIT_REFUSED)


def prune(
    context: typer.Context,
    before: Annotated[
        str | None, typer.Option("--before", help="Only what is older than this day, 2023-12-31; else the whole rule.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go.")] = False,
) -> None:
    """Take the bytes of entries past the catalogue's rule `[log] keep`; hashes and proofs stay."""
    from api.workflows.pruning import prune as run

    with output.house(context) as house:
        day = None if before is None else _day(before, house.catalogue.controller.time_zone)
        actor = output.invocation(context).actor
        done = run(house, actor=actor, now=output.now(), before=day, dry_run=dry_run)
    output.answer(context, done, _show_pruned)


def _policy(path: Path | None) -> Policy | None:
    from audit.policy import parse_policy

    return None if path is None else parse_policy(output.read_bytes(path))


def _day(text: str, zone: str) -> datetime:
    try:
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d").date(), time.min, ZoneInfo(zone))  # noqa: DTZ007
    except ValueError:
        raise BadInput("--before must be a day such as 2023-12-31") from None


def _show_cosigned(result: Cosigned) -> None:
    if not result.asked:
        output.screen.print("No witness: log.policy of the home names none with an address (docs/audit.md).")
    for asked in result.asked:
        told = "cosigned" if asked.problem is None else f"[red]{asked.problem}[/red]"
        output.screen.print(f"{asked.witness}: {told}, {asked.size} entries")


def _show_pruned(result: Pruned) -> None:
    output.screen.print(
        f"Minimum index {result.before} → {result.minimum} of {result.size}; {result.emptied} entries lost their bytes."
    )
