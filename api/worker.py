"""The work after a commit: mails and webhooks from the outbox, and once an hour what is void goes.

One piece at a time, each under a lease; two workers share the work without doing anything twice. A piece that fails is
tried again later; what it needs (the mail server, one system of the controller) rests meanwhile, so that the others do
not wait for it. Nothing stops the loop but whoever started it, and the log gets tokens only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from api import mail_items, maildir
from api.http_out import NotDelivered, TargetRefused
from api.mail import Mailer, MailRefused, MailUnavailable
from api.workflows import confirming, erasing, journaling, retention, schedules, watching, webhooks, witnesses
from governance import outbox, store_idempotency, visitors
from governance.outbox import Item
from governance.vocabulary import ENGINE

if TYPE_CHECKING:
    from api.wiring import House

PAUSE_SECONDS = 1.0
SWEEP_EVERY = timedelta(hours=1)
RETENTION_EVERY = timedelta(days=1)
COSIGN_EVERY = timedelta(hours=1)
MAILBOX_EVERY = timedelta(minutes=1)
SCHEDULES_EVERY = timedelta(minutes=1)
WATCH_EVERY = timedelta(hours=1)
"""How often it is asked whether the daily look at the log is due."""
MOST_AT_ONCE = 1_000

Handler = Callable[["House", Mailer, Item, datetime], None]


def webhook(house: House, _mailer: Mailer, item: Item, now: datetime) -> None:
    """One delivery to a system of the controller."""
    webhooks.deliver(house, int(item.reference["delivery"] or 0), last=item.is_last, now=now)


HANDLERS: dict[str, Handler] = {
    "portal_link": mail_items.portal_link,
    "confirmation": mail_items.confirmation,
    "changed": mail_items.changed,
    "webhook": webhook,
    "alarm": mail_items.alarm,
}
"""What is done with each kind of item."""


@dataclass
class Round:
    """One pass over what is due."""

    house: House
    mailer: Mailer
    clock: Callable[[], datetime]
    log: Any = None
    stop: Event = field(default_factory=Event)
    resting: set[str] = field(default_factory=set)
    """What did not answer in this round: nothing else is tried there."""

    def run(self, limit: int) -> int:
        """Do what is due, oldest first, at most *limit* pieces; how many are done."""
        done = 0
        for _ in range(limit):
            now = self.clock()
            if self.stop.is_set() or not self._is_due(now):
                break
            with self.house.work.writing() as connection:
                items = outbox.take(connection, now=now)
            done += sum(self._do(item, now) for item in items)
        return done

    def _is_due(self, now: datetime) -> bool:
        with self.house.work.reading() as connection:
            return outbox.is_due(connection, now=now)

    def _do(self, item: Item, now: datetime) -> bool:
        problem = None
        if _lane(item) in self.resting:
            with self.house.work.writing() as connection:
                outbox.later(connection, item, now=now)
            return False
        try:
            _handler(item)(self.house, self.mailer, item, now)
        except MailRefused as error:  # trying again would change nothing
            self._tell("mail:refused", error.problem)
        except Exception as error:  # whatever it is, the others have their turn
            problem = _token(error)
            self._tell("work:failed", f"{item.kind}:{problem}")
            if isinstance(error, MailUnavailable | NotDelivered | TargetRefused):
                self.resting.add(_lane(item))
        with self.house.work.writing() as connection:
            if problem is None:
                outbox.done(connection, item.id)
            else:
                outbox.failed(connection, item, problem, now=now)
        return problem is None

    def _tell(self, event: str, token: str) -> None:
        if self.log is not None:
            self.log.error(event, error=token)


def drain(house: House, mailer: Mailer, *, now: datetime, limit: int = MOST_AT_ONCE, log: Any = None) -> int:
    """Do what is due at *now*, oldest first.

    Returns:
        How many pieces are done; one that failed waits for its next attempt.
    """
    return Round(house, mailer, lambda: now, log).run(limit)


def sweep_void(house: House, *, now: datetime) -> int:
    """Forget what let somebody in or waited for somebody, and is void (Article 5(1)(e) GDPR); how much it was.

    What waits at the unsubscribe address is honoured and put away as well.

    One part that fails keeps no other from being done; the first failure is raised at the end.
    """
    total, problem = 0, None
    for part in (
        _sweep_mailbox,
        _sweep_visitors,
        _sweep_addresses,
        _sweep_confirmations,
        _sweep_answers,
        _sweep_erasures,
    ):
        try:
            total += part(house, now)
        except Exception as error:
            problem = problem or error
    if problem is not None:
        raise problem
    return total


def work_forever(house: House, mailer: Mailer, *, clock: Callable[[], datetime], stop: Event, log: Any = None) -> None:
    """Work until *stop* is set; looks for new work every second."""
    swept = read = cosigned = looked = kept = watched = datetime.min.replace(tzinfo=clock().tzinfo)
    runs: Thread | None = None
    looks: Thread | None = None
    while not stop.is_set():
        now = clock()
        _guarded(lambda: Round(house, mailer, clock, log, stop).run(MOST_AT_ONCE), log)
        _guarded(lambda: journaling.follow(house, now=clock()), log)
        if now - read >= MAILBOX_EVERY:
            read = now
            _guarded(lambda: maildir.read(house, now=clock()), log)
        if now - looked >= SCHEDULES_EVERY and (runs is None or not runs.is_alive()):
            looked = now
            runs = _beside(lambda: _guarded(lambda: schedules.run_due(house, now=clock()), log))
        if now - swept >= SWEEP_EVERY:
            swept = now
            _guarded(lambda: sweep_void(house, now=clock()), log)
            _guarded(lambda: watching.tell(house, now=clock()), log)
        if now - watched >= WATCH_EVERY and (looks is None or not looks.is_alive()):
            watched = now
            looks = _beside(lambda: _guarded(lambda: _watch(house, now=clock()), log))
        if now - kept >= RETENTION_EVERY:
            kept = now
            _guarded(lambda: retention.apply(house, actor=ENGINE, now=clock()), log)
        if now - cosigned >= COSIGN_EVERY:
            cosigned = now
            _guarded(lambda: _cosign(house, log, now=clock()), log)
        stop.wait(PAUSE_SECONDS)


def _beside(work: Callable[[], None]) -> Thread:
    """Computing takes minutes and mails must not wait for it; what is cut off by a stop is swept and done again."""
    thread = Thread(target=work, name="lauter-runs", daemon=True)
    thread.start()
    return thread


def _guarded(work: Callable[[], object], log: Any) -> None:
    try:
        work()
    except Exception as error:
        if log is not None:
            log.error("work:failed", error=_token(error))


def _cosign(house: House, log: Any, *, now: datetime) -> None:
    """Ask the witnesses of the log; one that has a problem is named by its token and asked again in an hour."""
    for asked in witnesses.cosign(house, now=now).asked:
        if asked.problem is not None and log is not None:
            log.error("witness:failed", error=asked.problem)


def _watch(house: House, *, now: datetime) -> None:
    """Look at the log, once a day whoever looked last."""
    last = watching.last_look(house.settings)
    if last is None or now - last.at >= watching.LOOK_EVERY:
        watching.look(house, now=now)


def _handler(item: Item) -> Handler:
    return HANDLERS[item.kind]


def _lane(item: Item) -> str:
    """What a piece needs besides this house: the mail server, or one webhook's system."""
    return f"webhook:{item.reference.get('webhook')}" if item.kind == "webhook" else "mail"


def _token(error: Exception) -> str:
    return str(getattr(error, "problem", type(error).__name__))


def _sweep_mailbox(house: House, now: datetime) -> int:
    """What waits at the unsubscribe address, where the operator set a maildir: honoured and put away."""
    return maildir.read(house, now=now)


def _sweep_visitors(house: House, now: datetime) -> int:
    with house.work.writing() as connection:
        return visitors.void(connection, now=now)


def _sweep_addresses(house: House, now: datetime) -> int:
    return house.addresses.forget_void(now=now)


def _sweep_confirmations(house: House, now: datetime) -> int:
    return confirming.sweep(house, now=now)


def _sweep_answers(house: House, now: datetime) -> int:
    with house.work.writing() as connection:
        return store_idempotency.drop_void(connection, now=now)


def _sweep_erasures(house: House, now: datetime) -> int:
    return erasing.sweep(house, now=now)
