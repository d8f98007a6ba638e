"""What the page of preferences says beside each choice: one word with its sign, then where it comes from.

The word is about what holds; the note says who decided it and when, in the words of somebody who is spoken to. Names of
form fields are made here and read back here, so that a form can ask for nothing that the page did not offer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from api.i18n import N_, Tongue
from api.workflows.preference_views import Holder, HolderState, Preferences, PurposeView, State
from consent.choices import Aim, Answer, Choice, field_aims, rests_on_choice
from governance.vocabulary import Reason, Source

if TYPE_CHECKING:
    from governance.catalogue import Catalogue

OK, REFUSED, WITHHELD, ATTENTION = "ok", "refused", "withheld", "attention"

ALLOWED, REFUSED_WORD, NOT_ALLOWED, NOT_POSSIBLE, UNTIL = (
    N_("allowed"),
    N_("refused by the person"),
    N_("not allowed"),
    N_("not possible at present"),
    N_("allowed until you refuse"),
)
YOUR_CHOICE, YOUR_CHOICE_TODAY = N_("your choice of %(day)s"), N_("your choice of today, %(time)s")
PART_OF_CONSENT = N_("part of your consent, %(when)s")
OTHERS: dict[Source, str] = {
    Source.SUBJECT: N_("declared by you on %(when)s"),
    Source.DESK_FOR_SUBJECT: N_("taken down for you on %(when)s"),
    Source.CONTROLLER_API: N_("from our website or customer system, %(when)s"),
    Source.IMPORT: N_("from our records, %(when)s"),
    Source.SIGNAL: N_("by a signal of your browser, %(when)s"),
}
NO_CHOICE_IS_NO = N_("no choice yet; that counts as no")
NO_CHOICE_BY_LAW = N_("no choice yet; the law allows it until you refuse")
TODAY = N_("today, %(time)s")

REASONS: dict[Reason, str] = {
    Reason.OBJECTED_TO_MARKETING: N_("you objected to advertising"),
    Reason.OBJECTED_TO_PROFILING: N_("you objected to profiling"),
    Reason.OBJECTED: N_("you objected"),
    Reason.ADDRESS_BLOCKED: N_("this address is on our block list"),
    Reason.NO_CONTACT_POINT: N_("we have no address of yours for this way"),
    Reason.NO_EXPRESS_CONSENT: N_("this way needs your express consent"),
    Reason.CONSENT_EXPIRED: N_("your consent has run out"),
    Reason.REQUESTED_ONLY: N_("you have not confirmed our mail yet"),
    Reason.CONSENT_UNKNOWN: N_("a consent without evidence; that counts as no"),
    Reason.RESTRICTED: N_("the use of your data is suspended"),
    Reason.MINOR: N_("not below the age of 16"),
    Reason.NOT_INFORMED: N_("you have not been informed of it yet"),
    Reason.ASSESSMENT_EXPIRED: N_("our assessment has run out"),
    Reason.NO_CONTRACT: N_("no contract is running"),
    Reason.CONTRACT_ACTIVE: N_("needed for your contract"),
}
"""Reasons as said to the person; where none stands the reason's own text follows."""
_WIDE = frozenset({Reason.OBJECTED_TO_MARKETING, Reason.OBJECTED_TO_PROFILING})
_BLOCKING = frozenset({Reason.NO_CONTACT_POINT, Reason.ADDRESS_BLOCKED, Reason.RESTRICTED, Reason.MINOR})

HOLDER_WORDS: dict[HolderState, tuple[str, str]] = {
    HolderState.HOLDS: (OK, N_("may use it")),
    HolderState.STILL_HOLDS: (ATTENTION, N_("still has it")),
    HolderState.PENDING: (ATTENTION, N_("not confirmed yet")),
    HolderState.ARRIVED: (OK, N_("arrived")),
    HolderState.FAILED: (ATTENTION, N_("not reached")),
}


@dataclass(frozen=True)
class Effect:
    """One word with its sign, and the note behind it."""

    kind: str
    word: str
    note: str


@dataclass(frozen=True)
class Teller:
    """Says states in one language, at one instant."""

    tongue: Tongue
    now: datetime
    signalled: bool = False
    """The objection to profiling is the browser's, not the person's own."""

    def when(self, moment: datetime) -> str:
        """A time as one says it in a sentence: today, 14:02, else the day."""
        formats = self.tongue.formats
        return self.tongue.say(TODAY, time=formats.clock(moment)) if self._is_today(moment) else formats.day(moment)

    def choice(self, moment: datetime) -> str:
        """Whose word it is, and of when."""
        formats = self.tongue.formats
        if self._is_today(moment):
            return self.tongue.say(YOUR_CHOICE_TODAY, time=formats.clock(moment))
        return self.tongue.say(YOUR_CHOICE, day=formats.day(moment))

    def _is_today(self, moment: datetime) -> bool:
        zone = self.tongue.formats.zone
        return moment.astimezone(zone).date() == self.now.astimezone(zone).date()

    def effect(self, state: State) -> Effect:
        """What holds, in one word, and why."""
        say = self.tongue.say
        chose = self.choice(state.since) if state.chosen and state.since else ""
        if state.lawful:
            if state.chosen is Answer.ALLOW:
                return Effect(OK, say(ALLOWED), chose)
            if state.source is not None and state.reason is Reason.CONSENT_GIVEN and state.since is not None:
                own = state.source is Source.SUBJECT  # of the purpose; this way needs no word of its own
                word, note = (UNTIL, PART_OF_CONSENT) if own else (ALLOWED, OTHERS[state.source])
                return Effect(OK, say(word), say(note, when=self.when(state.since)))
            return Effect(OK, say(UNTIL), say(NO_CHOICE_BY_LAW))
        if state.reason in _BLOCKING:
            return Effect(WITHHELD, say(NOT_POSSIBLE), self.reason(state))
        if state.chosen is Answer.REFUSE:
            return Effect(REFUSED, say(REFUSED_WORD), self.reason(state) if state.reason in _WIDE else chose)
        if state.reason is Reason.NEVER_ASKED:
            return Effect(REFUSED, say(NOT_ALLOWED), say(NO_CHOICE_IS_NO))
        return Effect(REFUSED, say(NOT_ALLOWED), self.reason(state))

    def reason(self, state: State) -> str:
        """Why, as said to the person."""
        if self.signalled and state.reason is Reason.OBJECTED_TO_PROFILING:
            return self.tongue.say(N_("your browser objects to profiling"))
        known = REASONS.get(state.reason)
        return self.tongue.say(known) if known else self.tongue.pick(state.text)

    def on_interests(self, view: PurposeView) -> Effect:
        """What rests on legitimate interests runs until somebody objects."""
        say, state = self.tongue.say, view.state
        if state.lawful:
            return Effect(OK, say(N_("runs until you object")), say(N_("we have weighed it against your interests")))
        wide = state.reason in _WIDE
        if state.chosen is Answer.REFUSE and state.since is not None:
            return Effect(REFUSED, say(N_("objected")), self.reason(state) if wide else self.choice(state.since))
        return Effect(REFUSED, say(N_("does not run")), self.reason(state))

    def on_contract(self, state: State) -> Effect:
        """What a contract needs is no choice."""
        say = self.tongue.say
        if state.lawful:
            return Effect(OK, say(N_("needed")), say(N_("for your contract with us")))
        return Effect(WITHHELD, say(N_("does not run")), self.reason(state))

    def holder(self, holder: Holder) -> Effect:
        """Where a change has arrived at one place."""
        kind, word = HOLDER_WORDS[holder.state]
        note = self.tongue.say(N_("until %(day)s"), day=self.tongue.formats.day(holder.until)) if holder.until else ""
        if holder.system and holder.since is not None:
            note = self.when(holder.since)
        return Effect(kind, self.tongue.say(word), note)


def name_of(aim: Aim) -> str:
    """What the form calls a choice."""
    if aim.field is not None:
        return f"f:{aim.purpose or '*'}/{aim.field}"
    return f"c:{aim.purpose}/{'' if aim.channel is None else aim.channel.value}"


def ticks(shown: Preferences) -> Iterator[tuple[str, str]]:
    """Every field of the form that the page ticks, with its value: nothing but what the person chose."""
    for view in shown.purposes:
        if view.state.chosen is not None and view.asks_whole:
            yield name_of(Aim(view.key)), view.state.chosen.value
        for way in view.channels:
            if way.state.chosen is not None:
                yield name_of(Aim(view.key, way.channel)), way.state.chosen.value
        yield from ((name_of(Aim(view.key, field=f.key)), "on") for f in view.fields if f.withheld)
    yield from ((name_of(Aim(field=f.key)), "on") for f in shown.fields if f.withheld)


def pack(shown: Iterable[tuple[str, str]]) -> str:
    """What was ticked when the page was made, in one field of the form."""
    return " ".join(f"{name}={value}" for name, value in shown)


def changed(form: Mapping[str, str], catalogue: Catalogue) -> list[Choice]:
    """What the person changed on the page they saw; what they left alone is no choice, however old the page is."""
    was = dict(part.split("=", 1) for part in form.get("was", "").split() if "=" in part)
    found = []
    for aim in _aims(catalogue):
        name = name_of(aim)
        value, before = form.get(name), was.get(name)
        if aim.field is not None:
            if (value == "on") is not (before == "on"):
                found.append(Choice(aim, Answer.REFUSE if value == "on" else Answer.ALLOW))
        elif value in (Answer.ALLOW, Answer.REFUSE) and value != before:
            found.append(Choice(aim, Answer(value)))
    return found


def _aims(catalogue: Catalogue) -> Iterator[Aim]:
    for purpose in catalogue.purposes.values():
        if rests_on_choice(purpose):
            yield from (Aim(purpose.key, channel) for channel in (None, *sorted(purpose.channels)))
    yield from field_aims(catalogue)
