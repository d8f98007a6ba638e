"""What the customers do in the demonstration: come in by a mailed link, decide, confirm a newsletter, click it away.

The mails are read where the demonstration puts them, in the home's outbox folder, as their readers would.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from api.demo.world import CONTACT_HEAD, World
from api.mail import mailer_of
from api.wiring import House
from api.worker import drain
from api.workflows import confirming, declaring, portal, preferences, unsubscribing
from api.workflows.preferences import Aim, Answer, Choice, Proof
from audit.errors import Broken
from governance.vocabulary import THE_SUBJECT, Channel, Scope, Source

MAIL, NOTE = CONTACT_HEAD.index("E-Mail"), "Einstellungen im Portal"


@dataclass(frozen=True)
class Visitors:
    """Four invented people with an address of their own: reference and address."""

    decides: tuple[str, str]
    confirms: tuple[str, str]
    ends: tuple[str, str]
    waits: tuple[str, str]
    """Asked for a link that nobody has used yet."""


def visitors_of(world: World, *, apart_from: set[str]) -> Visitors:
    """People whom the rest of the story leaves alone, with a mailbox nobody shares."""
    addresses = Counter(row[MAIL].lower() for row in world.contacts)
    named = {row[0] for row in world.consents if row[1] == "newsletter"}
    free = [(row[0], row[MAIL]) for row in world.contacts if row[0] not in apart_from and _own(row[MAIL], addresses)]
    asked = [person for person in free if person[0] in named]
    never = [person for person in free if person[0] not in named]
    return Visitors(decides=asked[0], confirms=never[0], ends=asked[1], waits=asked[2])


def decide(house: House, person: tuple[str, str], now: Callable[[], datetime]) -> dict[str, int]:
    """Somebody comes in by link, keeps their orders out of the evaluation, and objects to profiling."""
    subject = declaring.find(house, person[0])
    secret = _link(_mail_to(house, person[1], now, lambda: portal.ask_for_link(house, person[1], "de", now=now())))
    if portal.enter(house, secret, now=now()) is None:
        raise Broken("the link of the demonstration's mail does not open the portal")
    choices = (
        Choice(Aim("sales_care", field="purchase_history"), Answer.REFUSE),
        Choice(Aim(scope=Scope.PROFILING), Answer.REFUSE),
    )
    chosen = preferences.choose(
        house, subject, choices, source=Source.SUBJECT, actor=THE_SUBJECT, now=now(), language="de",
        proof=Proof(NOTE.encode(), mailbox=person[1]),
    )  # fmt: skip
    return {"declarations": len(chosen.seqs)}


def confirm_newsletter(house: House, person: tuple[str, str], now: Callable[[], datetime]) -> bool:
    """Somebody asks for the newsletter on the company's website and presses the button in the mail (CON-8)."""

    def ask() -> None:
        confirming.request_confirmation(
            house, subject=declaring.find(house, person[0]), address=person[1], purpose="newsletter",
            channel=Channel.EMAIL, language="de", actor=THE_SUBJECT, now=now(),
        )  # fmt: skip

    return confirming.confirm(house, _link(_mail_to(house, person[1], now, ask)), now=now()) is not None


def end_newsletter(house: House, person: tuple[str, str], now: Callable[[], datetime]) -> bool:
    """Somebody's mail program presses one-click unsubscribe (RFC 8058)."""
    subject = declaring.find(house, person[0])
    token = unsubscribing.unsubscribe_token(house, subject.pseudonym, "newsletter", Channel.EMAIL)
    return unsubscribing.unsubscribe(house, token, now=now()).known


def leave_a_link(house: House, person: tuple[str, str], now: Callable[[], datetime]) -> Path:
    """Somebody asked for a link; the mail lies in the outbox folder for whoever plays them."""
    return _mail_to(house, person[1], now, lambda: portal.ask_for_link(house, person[1], "de", now=now()))


def _mail_to(house: House, address: str, now: Callable[[], datetime], ask: Callable[[], None]) -> Path:
    """The newest mail to an address after something asked for one."""
    ask()
    drain(house, mailer_of(house.settings, house.catalogue.controller), now=now())
    for path in sorted(house.settings.outbox_folder.glob("*.eml"), reverse=True):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if str(message["To"]).lower() == address.lower():
            return path
    raise Broken("the demonstration's mail did not arrive in the outbox folder")


def _link(path: Path) -> str:
    """The secret of the link in a mail."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    body = message.get_body(("plain",))
    found = re.search(r"/(?:portal/enter|confirm)/([\w-]+)", body.get_content() if body else "")
    if found is None:
        raise Broken("the demonstration's mail holds no link")
    return found[1]


def _own(address: str, addresses: Counter[str]) -> bool:
    return bool(address) and addresses[address.lower()] == 1 and not address.startswith("info@")
