"""`lauter worker`: the work after a commit in a process of its own, beside or instead of the one in `lauter serve`."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from threading import Event
from typing import Annotated, Any

import typer

from api.cli import output
from api.logs import new_log


@dataclass(frozen=True)
class Worked:
    """What one pass came to."""

    done: int
    swept: int
    due: int
    later: int
    failed: int
    resumed: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        waiting = {"due": self.due, "later": self.later, "failed": self.failed}
        return {"done": self.done, "swept": self.swept, "resumed": self.resumed, "waiting": waiting}


def register(app: typer.Typer) -> None:
    """Attach the command."""
    app.command("worker")(worker)


def worker(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Do what is due now, then end.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Give what was given up another round first.")] = False,
) -> None:
    """Send mails and webhooks and let void rows go, until interrupted."""
    from api.mail import mailer_of
    from api.running import serving
    from api.worker import work_forever

    with serving(output.invocation(context).settings), output.house(context) as house:
        mailer = mailer_of(house.settings, house.catalogue.controller)
        resumed = _resume(house) if retry else 0
        if once:
            output.answer(context, _once(house, mailer, resumed), _show)
            return
        stop = Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        output.notes.print("Lauter works through its outbox (end with Ctrl-C)")
        work_forever(house, mailer, clock=output.now, stop=stop, log=new_log())


def _resume(house: Any) -> int:
    from governance import outbox

    with house.work.writing() as connection:
        return outbox.retry(connection, now=output.now())


def _once(house: Any, mailer: Any, resumed: int) -> Worked:
    from api.worker import drain, sweep_void
    from governance import outbox

    done = drain(house, mailer, now=output.now(), log=new_log())
    swept = sweep_void(house, now=output.now())
    with house.work.reading() as connection:
        waiting = outbox.waiting(connection, now=output.now())
    return Worked(done, swept, waiting.due, waiting.later, waiting.failed, resumed)


def _show(worked: Worked) -> None:
    output.screen.print(
        f"{worked.done} done, {worked.swept} void row(s) gone; {worked.later + worked.due} wait, "
        f"{worked.failed} given up."
    )
