"""What the house writes to people: in their language first and in the other one below, as text and as HTML alike.

Both faces are made from the same parts, so that neither says more than the other. Nothing here advertises: a mail says
what happened or what a link does, and what happens when it is left alone. Its subject names nobody and nothing of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Literal

from jinja2 import Environment

from api.i18n import LANGUAGES, N_, Tongue, tongues
from api.mail import Mail
from api.pages import environment
from governance.vocabulary import Act, Channel, Declaration, Language, Scope

if TYPE_CHECKING:
    from datetime import datetime

    from governance.catalogue import Catalogue
    from governance.controller import Controller
    from governance.vocabulary import Text


@dataclass(frozen=True)
class Part:
    """One paragraph, note, link or list."""

    kind: Literal["text", "note", "link", "items"]
    text: str = field(default="", repr=False)
    url: str = field(default="", repr=False)
    items: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Version:
    """A mail in one language."""

    language: Language
    subject: str
    parts: tuple[Part, ...]


Compose = Callable[[Tongue], tuple[str, Sequence[Part]]]
"""From a language to the subject and the parts of a mail in it."""

ACTS: dict[Act, str] = {
    Act.REQUESTED: N_("Consent requested"),
    Act.GIVEN: N_("Consent given"),
    Act.RENEWED: N_("Consent renewed"),
    Act.REFUSED: N_("Consent refused"),
    Act.WITHDRAWN: N_("Consent withdrawn"),
    Act.UNKNOWN: N_("Consent without evidence noted"),
    Act.OBJECTED: N_("Objection raised"),
    Act.OBJECTION_LIFTED: N_("Objection lifted"),
    Act.FIELD_WITHHELD: N_("Field withheld"),
    Act.FIELD_RELEASED: N_("Field released"),
}
SCOPES: dict[Scope, str] = {
    Scope.GENERAL: N_("All processing for legitimate interests"),
    Scope.MARKETING: N_("All advertising"),
    Scope.PROFILING: N_("All profiling"),
}
WAYS: dict[Channel, str] = {
    Channel.EMAIL: N_("by e-mail"),
    Channel.PHONE: N_("by phone"),
    Channel.POST: N_("by post"),
    Channel.SMS: N_("by text message"),
}


ALARMS: dict[str, str] = {
    "many_reads": N_("One account looked up unusually many people within an hour."),
    "always_yes": N_("One account said yes to nearly everything that was put before it."),
    "large_export": N_("A file holds far more people than its recipient usually gets."),
    "log_fork": N_("The log shows another past than it did before. Keep the folder monitor as evidence."),
    "log_shrunk": N_("The log is shorter than it was. Keep the folder monitor as evidence."),
    "log_quorum": N_("Fewer witnesses than your policy asks for signed the newest checkpoint."),
    "log_stale": N_("No checkpoint was signed by a witness of late."),
}
"""What a mail about an alarm says; anything else was found in the log."""


def alarm(kind: str, url: str) -> Compose:
    """Something that the officer should look at; a mail is read by many eyes, so it names no account and no person."""

    def compose(tongue: Tongue) -> tuple[str, Sequence[Part]]:
        other = N_("The daily look at the log found something that does not fit.")
        more = tongue.say("Sign in to read more and to note that you looked at it:")
        parts = [Part("text", tongue.say(ALARMS.get(kind, other))), Part("text", more), Part("link", url=url)]
        if kind.startswith("log_"):
            check = tongue.say(
                "On the machine itself, %(command)s names each place.", command="lauter audit verify --deep"
            )
            parts.append(Part("note", check))
        return tongue.say("Something to look at in Lauter"), parts

    return compose


def portal_link(controller: Controller, url: str, expires_at: datetime) -> Compose:
    """The way into somebody's own preferences."""

    def compose(tongue: Tongue) -> tuple[str, Sequence[Part]]:
        until = _moment(tongue, expires_at)
        opens = tongue.say(
            "This link opens your preferences at %(controller)s. It works once, until %(until)s.",
            controller=controller.name,
            until=until,
        )
        return tongue.say("Your link to your preferences"), (
            Part("text", opens),
            Part("link", url=url),
            Part("text", tongue.say("The page has one button. You are signed in when you press it, not before.")),
            _nothing_to_do(tongue),
        )

    return compose


def shared_link(controller: Controller, url: str, expires_at: datetime) -> Compose:
    """The way to the page of an address that several people have."""

    def compose(tongue: Tongue) -> tuple[str, Sequence[Part]]:
        opens = tongue.say(
            "%(controller)s knows this address from more than one person. This link opens a page for the address "
            "itself, where you can stop all advertising to it. It works once, until %(until)s.",
            controller=controller.name,
            until=_moment(tongue, expires_at),
        )
        own = tongue.say(
            "Your own preferences open from there, with your customer number or with the code from a letter."
        )
        return tongue.say("Your link for this address"), (
            Part("text", opens),
            Part("link", url=url),
            Part("text", own),
            _nothing_to_do(tongue),
        )

    return compose


def confirmation(controller: Controller, purpose: Text, channel: Channel, url: str, expires_at: datetime) -> Compose:
    """The one question of a double opt-in; it names what is confirmed and nothing else (CON-8)."""

    def compose(tongue: Tongue) -> tuple[str, Sequence[Part]]:
        asked = tongue.say("%(controller)s was asked to use this address for:", controller=controller.name)
        agree = tongue.say(
            "Do you agree? This page shows what you would agree to. Nothing begins before you press the button there:"
        )
        silence = tongue.say(
            "Without an answer the request and your address are deleted on %(day)s. You did not ask for this? Then "
            "there is nothing to do.",
            day=tongue.formats.long_day(expires_at),
        )
        return tongue.say("Please confirm"), (
            Part("text", asked),
            Part("items", items=(f"{tongue.pick(purpose)}, {tongue.say(WAYS[channel])}",)),
            Part("text", agree),
            Part("link", url=url),
            Part("note", silence),
        )

    return compose


def changed(catalogue: Catalogue, said: Sequence[Declaration], since: datetime, url: str) -> Compose:
    """What somebody else recorded for a person, and where the person changes it back."""

    def compose(tongue: Tongue) -> tuple[str, Sequence[Part]]:
        recorded = tongue.say(
            "%(controller)s recorded for you what follows. Saved, and in effect since %(since)s:",
            controller=catalogue.controller.name,
            since=_moment(tongue, since),
        )
        undo = tongue.say(
            "Is this not what you said? You can change it back in your preferences at any time. The receipt is there:"
        )
        return tongue.say("A change to your preferences"), (
            Part("text", recorded),
            Part("items", items=tuple(_said(tongue, catalogue, d) for d in said)),
            Part("text", undo),
            Part("link", url=url),
        )

    return compose


def write(
    controller: Controller,
    to: str,
    language: Language,
    compose: Compose,
    *,
    headers: Mapping[str, str] | None = None,
) -> Mail:
    """The mail, ready to be sent."""
    writer = _writer(controller.time_zone)
    order = (language, *(other for other in LANGUAGES if other != language))
    versions = [Version(one, *_composed(compose, writer.tongues[one])) for one in order]
    below = writer.tongues[order[-1]].say("The English version stands below the line.")
    values = {"versions": versions, "subject": versions[0].subject, "controller": controller, "pointer": below}
    text, html = (page.get_template(name).render(values) for page, name in writer.faces)
    return Mail(to, versions[0].subject, text.strip() + "\n", html, language, dict(headers or {}))


@dataclass(frozen=True)
class _Writer:
    tongues: Mapping[Language, Tongue]
    faces: tuple[tuple[Environment, str], ...]


@cache
def _writer(time_zone: str) -> _Writer:
    """Languages and templates, read once: nothing in them changes while the process lives."""
    spoken = tongues(time_zone)
    pages = environment(spoken["en"])
    plain = pages.overlay(autoescape=False)
    return _Writer(spoken, ((plain, "mail/mail.txt"), (pages, "mail/mail.html")))


def _composed(compose: Compose, tongue: Tongue) -> tuple[str, tuple[Part, ...]]:
    subject, parts = compose(tongue)
    return subject, tuple(parts)


def _moment(tongue: Tongue, moment: datetime) -> str:
    return f"{tongue.formats.long_day(moment)}, {tongue.formats.clock(moment)}"


def _nothing_to_do(tongue: Tongue) -> Part:
    return Part(
        "note", tongue.say("You did not ask for it? Then there is nothing to do: only this mail opens the page.")
    )


def _said(tongue: Tongue, catalogue: Catalogue, d: Declaration) -> str:
    """One declaration in a line: what it is about, by which way, and what was declared."""
    about = [tongue.say(SCOPES[d.scope])] if d.scope in SCOPES else []
    if d.purpose is not None and d.purpose in catalogue.purposes:
        about.append(tongue.pick(catalogue.purposes[d.purpose].label))
    if d.field is not None and d.field in catalogue.fields:
        about.append(tongue.pick(catalogue.fields[d.field].label))
    if d.channel is not None:
        about.append(tongue.say(WAYS[d.channel]))
    return f"{', '.join(about)}: {tongue.say(ACTS[d.act])}"
