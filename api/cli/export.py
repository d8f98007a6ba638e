"""`lauter export request | list | approve | build | download`."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.markup import escape

from api.cli import output

if TYPE_CHECKING:
    from api.workflows.export_files import Download
    from api.workflows.export_requests import ExportList, ExportState

group = typer.Typer(
    help="Files that leave the house: requested, approved, built, and decided again before the first byte."
)
Number = Annotated[int, typer.Argument(help="Number of the export.")]


def register(app: typer.Typer) -> None:
    """Attach the commands."""
    app.add_typer(group, name="export", no_args_is_help=True)


@group.command("request")
def request(context: typer.Context, file: Annotated[Path, typer.Argument(help="The request as JSON.")]) -> None:
    """Ask for an export; nothing leaves yet."""
    from api.workflows import export_requests

    with output.house(context) as house:
        text = output.read_text(file)
        result = export_requests.request(house, text, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, result, _show)


@group.command("list")
def list_exports(context: typer.Context) -> None:
    """The newest exports."""
    from api.workflows import export_requests

    with output.house(context) as house:
        result = export_requests.exports(house)
    output.answer(context, result, _show_all)


@group.command("approve")
def approve(context: typer.Context, number: Number) -> None:
    """Approve a request."""
    from api.workflows import export_requests

    with output.house(context) as house:
        result = export_requests.approve(house, number, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, result, _show)


@group.command("decline")
def decline(context: typer.Context, number: Number) -> None:
    """Say no to a request."""
    from api.workflows import export_requests

    with output.house(context) as house:
        result = export_requests.decline(house, number, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, result, _show)


@group.command("build")
def build(context: typer.Context, number: Number) -> None:
    """Decide who is in it and keep the manifest."""
    from api.workflows import exports

    with output.house(context) as house:
        result = exports.build(house, number, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, result, _show)


@group.command("download")
def download(
    context: typer.Context,
    number: Number,
    target: Annotated[Path, typer.Option("-o", "--output", help="File to write; must not exist.")],
) -> None:
    """Decide again, release, and write the file."""
    from api.workflows import exports
    from audit.errors import BadInput

    try:
        handle = os.open(
            target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
        )  # before the release: nothing leaves twice
    except FileExistsError:
        raise BadInput(f"{target.name} exists; name a file that does not") from None
    except OSError:
        raise BadInput(f"{target.name}: cannot be written there; check the folder and its rights") from None
    try:
        with os.fdopen(handle, "wb") as file, output.house(context) as house:
            result = exports.download(house, number, actor=output.invocation(context).actor, now=output.now())
            _write(file, result)
    except BaseException:
        target.unlink()
        raise
    output.answer(context, result, _show_download)


def _write(file: BinaryIO, result: Download) -> None:
    """Write the bytes, and see that they are those of the manifest."""
    digest = hashlib.sha256()
    for chunk in result.chunks():
        digest.update(chunk)
        file.write(chunk)
    if digest.hexdigest() != result.sha256:
        raise RuntimeError("the written bytes are not those of the manifest")


def _show_all(result: ExportList) -> None:
    for export in result.exports:
        _show(export)


def _show(result: ExportState) -> None:
    wanted = result.request
    head = f"Export [bold]{result.number}[/bold] ({result.state}): {wanted['scheme']}, {', '.join(wanted['segments'])}"
    output.screen.print(f"{head} for {escape(wanted['recipient']['name'])} ({wanted['recipient']['country']})")
    if result.manifest is not None:
        manifest = result.manifest
        output.screen.print(f"  {manifest['included']} of {manifest['input']} included, SHA-256 {manifest['sha256']}")
        for reason, count in manifest["excluded"].items():
            output.screen.print(f"  {count:>8} left out: {reason.replace('_', ' ')}")
        output.screen.print(f"  download until {manifest['expires_at']}")


def _show_download(result: Download) -> None:
    output.screen.print(f"Export {result.number} released, entry {result.log_index} of the log: {result.size} bytes.")
    output.screen.print(f"SHA-256 {result.sha256}")
