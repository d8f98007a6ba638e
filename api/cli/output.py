"""What every command shares: opening the home, printing one answer, and the exit codes.

Exit 0 done, 1 refused by a rule, 2 bad input. With `--json` standard output holds one JSON document and nothing else;
everything for the eye (progress, warnings) goes to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from api.settings import Settings, read_settings
from governance.vocabulary import OPERATOR, Actor

if TYPE_CHECKING:
    from api.wiring import House

EXIT_DONE, EXIT_REFUSED, EXIT_BAD_INPUT = 0, 1, 2

screen = Console(highlight=False, soft_wrap=True)
notes = Console(stderr=True, highlight=False, soft_wrap=True)


class Answer(Protocol):
    """A result that can say itself as JSON."""

    def to_json(self) -> dict[str, Any]:
        """The whole result; no personal data beyond what was asked for."""
        ...


@dataclass(frozen=True)
class Invocation:
    """The options before the verb."""

    as_json: bool
    home: Path | None

    @property
    def settings(self) -> Settings:
        """Where the home and its databases are."""
        return read_settings(home=self.home)

    @property
    def actor(self) -> Actor:
        """The command line acts as the operator, who sees exact counts."""
        return OPERATOR


def invocation(context: typer.Context) -> Invocation:
    """The options before the verb."""
    found = context.find_object(Invocation)
    return found or Invocation(as_json=False, home=None)


def now() -> datetime:
    """The one reading of the clock in a command."""
    return datetime.now(UTC)


@contextmanager
def house(context: typer.Context, *, sign: bool = True) -> Iterator[House]:
    """The home, opened; a checkpoint is signed when the command has ended well and the log has grown.

    Not with *sign* off: whoever verifies a log that was tampered with wants the findings, not a refusal to sign it.
    """
    from api.wiring import open_house
    from api.workflows.journaling import follow
    from api.workflows.log import sign_checkpoint

    opened = open_house(invocation(context).settings, restoring=not sign)
    try:
        yield opened
        if sign:
            sign_checkpoint(opened, now=now())
            follow(opened, now=now())
    finally:
        opened.close()


def answer(context: typer.Context, result: Answer, render: Callable[[Any], None]) -> None:
    """Print the result: as one JSON document, or for the eye by *render*."""
    if invocation(context).as_json:
        print_json(result.to_json())
    else:
        render(result)


def print_json(document: dict[str, Any]) -> None:
    """One JSON document on standard output."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=2, sort_keys=True)
    sys.stdout.write("\n")


@contextmanager
def progress_bar(context: typer.Context, what: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on standard error while something long runs; silent with `--json` and where nobody watches."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    hidden = invocation(context).as_json or not notes.is_terminal
    with Progress(*columns, console=notes, transient=True, disable=hidden) as progress:
        task = progress.add_task(what, total=None)

        def show(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        yield show


def read_text(path: Path) -> str:
    """A small UTF-8 text file such as a mapping or definition.

    Raises:
        BadInput: it is missing or not UTF-8.
    """
    from audit.errors import BadInput

    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadInput(f"{path.name}: there is no such file; check the path") from None
    except (UnicodeDecodeError, OSError):
        raise BadInput(f"{path.name}: cannot be read as UTF-8 text; save it as UTF-8") from None


def read_bytes(path: Path) -> bytes:
    """A small binary file such as a proof.

    Raises:
        BadInput: it is missing or unreadable.
    """
    from audit.errors import BadInput

    try:
        return path.read_bytes()
    except OSError:
        raise BadInput(f"{path.name}: there is no such file, or it cannot be read") from None


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        BadInput: the folder is missing or not writable.
    """
    from audit.errors import BadInput

    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(data)
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise BadInput(f"{path.name}: cannot be written there; check the folder and its rights") from None


def own_log_keys(context: typer.Context) -> tuple[str, ...]:
    """The verifier keys of this home's log: those that sign now, without looking into a database.

    Raises:
        BadInput: there is no home here; a key must be given.
    """
    from api.wiring import log_signer
    from governance.keys import load_keys

    settings = invocation(context).settings
    return log_signer(settings, load_keys(settings.keys_folder)).vkeys
