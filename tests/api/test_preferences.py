"""What somebody sees of their permissions is what holds, and what they choose holds at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from api.wiring import House
from api.workflows import declaring, portal
from api.workflows.preference_views import HolderState, Preferences, State
from api.workflows.preferences import Aim, Answer, Choice, ChoiceNotOffered, Chosen, Proof, choose, preferences, undo
from consent import ledger
from consent.choice_acts import everything_refused
from consent.errors import MayNotRaise
from governance import store_webhooks, webhooks
from governance.identity import Identity
from governance.vocabulary import OPERATOR, THE_SUBJECT, Act, Channel, Reason, Scope, Source, Unit
from tests.api.test_exports import built, downloaded
from tests.small_world import NOON, RULES, a_small_world, identity_of, run_scheme, said

NEWS, OFFERS, CARE, SERVICE, PRICE = (
    "newsletter", "personalised_offers", "sales_care", "service_segmentation", "personalised_price",
)  # fmt: skip
EMAIL, POST, PHONE = Channel.EMAIL, Channel.POST, Channel.PHONE
MINUTE = timedelta(minutes=1)
PEOPLE = 160
NUMBERS = iter(range(1, PEOPLE + 1))


class Person:
    """Somebody at the portal, every act a minute after the last."""

    def __init__(self, house: House, number: int) -> None:
        self.house, self.number = house, number
        self.subject = declaring.of_number(house, number)
        self.times = (NOON + n * MINUTE for n in count())
        self.now = next(self.times)
        self.mailbox: str | None = f"ada.muster{number}@example.org"

    def choose(self, *choices: Choice, source: Source = Source.SUBJECT, gpc: bool = False) -> Chosen:
        self.now = next(self.times)
        return choose(
            self.house, self.subject, choices, source=source, actor=THE_SUBJECT, now=self.now, language="de", gpc=gpc,
            proof=Proof(b"by test", mailbox=self.mailbox),
        )  # fmt: skip

    def sees(self, *, gpc: bool = False) -> Preferences:
        return preferences(self.house, self.subject, now=self.now, gpc=gpc)

    def state(self, purpose: str, channel: Channel | None = None, *, gpc: bool = False) -> State:
        view = next(each for each in self.sees(gpc=gpc).purposes if each.key == purpose)
        return view.state if channel is None else next(c.state for c in view.channels if c.channel is channel)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = a_small_world(tmp_path_factory.mktemp("world"), people=PEOPLE, gold=10, purposes=())
    yield made
    made.close()


@pytest.fixture
def person(house: House, request: pytest.FixtureRequest) -> Person:
    return Person(house, next(NUMBERS))


def yes(purpose: str, channel: Channel | None = None) -> Choice:
    return Choice(Aim(purpose, channel), Answer.ALLOW)


def no(purpose: str | None = None, channel: Channel | None = None, **more: object) -> Choice:
    return Choice(Aim(purpose, channel, **more), Answer.REFUSE)  # type: ignore[arg-type]


def test_nobody_has_decided_anything_to_begin_with(person: Person) -> None:
    """No tick, no consent; what rests on interests runs until they object (CON-2, Article 6(1)(f))."""
    shown = person.sees()

    assert shown.version == 0
    assert {s.chosen for v in shown.purposes for s in (v.state, *(c.state for c in v.channels))} == {None}
    assert not person.state(NEWS).lawful
    assert person.state(SERVICE).reason is Reason.INTERESTS_PREVAIL
    assert not [f for f in shown.fields if f.withheld]
    assert all(each.since is None for each in shown.objections)


def test_every_choice_offered_is_taken_and_shown_as_it_was_made(house: House) -> None:
    """The options of the page are the options of the ledger, whatever was said before (peers' pain 19)."""
    wide = [no(scope=scope) for scope in (Scope.MARKETING, Scope.PROFILING, Scope.GENERAL)]
    before: list[list[Choice]] = [[], [yes(NEWS, EMAIL), yes(OFFERS, EMAIL), yes(PRICE), yes(CARE, PHONE)]]
    before += [[no(NEWS), no(OFFERS), no(PRICE), no(CARE), no(SERVICE)], *([each] for each in wide)]
    for choices in before:
        for choice in _options(_standing(house, choices).sees()):
            person = _standing(house, choices)
            person.choose(choice)
            _is_so(person, choice)


def _standing(house: House, choices: list[Choice]) -> Person:
    """Somebody new who chose that."""
    person = Person(house, next(NUMBERS))
    if choices:
        person.choose(*choices)
    return person


def _options(shown: Preferences) -> list[Choice]:
    found = [Choice(Aim(v.key), a) for v in shown.purposes for a in sorted(v.answers)]
    found += [Choice(Aim(v.key, c.channel), a) for v in shown.purposes for c in v.channels for a in sorted(c.answers)]
    return found + [
        Choice(Aim(scope=each.scope), Answer.REFUSE if each.since is None else Answer.LIFT) for each in shown.objections
    ]


def _is_so(person: Person, choice: Choice) -> None:
    aim = choice.aim
    if aim.scope is not Scope.PURPOSE:
        assert (person.sees().objection(aim.scope).since is not None) is (choice.answer is Answer.REFUSE)
        return
    state = person.state(aim.purpose or "", aim.channel)
    if choice.answer is Answer.LIFT:
        assert state.lawful, choice
        return
    assert state.chosen is choice.answer, choice
    reachable = aim.channel is not POST  # nobody of this world has a postal address
    assert state.lawful is (choice.answer is Answer.ALLOW and reachable), choice


def test_the_state_is_the_effective_one_of_both_gates(person: Person) -> None:
    """The evaluation, the channel and the reason are each said as they are (UX-5, § 7 UWG)."""
    person.choose(yes(OFFERS))
    assert person.state(OFFERS).lawful
    assert person.state(OFFERS, EMAIL).reason is Reason.NO_EXPRESS_CONSENT
    assert person.state(OFFERS, POST).reason is Reason.NO_CONTACT_POINT

    person.choose(no(scope=Scope.MARKETING))
    assert person.state(OFFERS).reason is Reason.OBJECTED_TO_MARKETING
    assert person.state(OFFERS).chosen is Answer.REFUSE


def test_an_address_blocked_by_somebody_else_is_shown_as_blocked(house: House, person: Person) -> None:
    """The block list is part of the state: whoever shares the address sees why nothing comes (OBJ-11)."""
    person.choose(yes(NEWS, EMAIL))
    assert person.state(NEWS, EMAIL).lawful
    with house.work.writing() as connection:
        house.blocklist.add(connection, "email", person.mailbox or "", now=NOON)

    assert person.state(NEWS, EMAIL).reason is Reason.ADDRESS_BLOCKED


def test_a_consent_to_email_by_whoever_has_not_shown_the_mailbox_is_confirmed_by_mail(person: Person) -> None:
    """A letter or a website does not prove a mailbox (CON-8); a link in a mail to this very address does."""
    person.mailbox = "somebody.else@example.org"
    asked = person.choose(yes(NEWS, EMAIL), yes(OFFERS))
    assert asked.to_confirm == (Aim(NEWS, EMAIL),)
    assert person.state(OFFERS).lawful
    assert not person.state(NEWS, EMAIL).lawful
    assert person.state(NEWS, EMAIL).chosen is None

    person.mailbox = f" ADA.Muster{person.number}@EXAMPLE.org"
    assert person.choose(yes(NEWS, EMAIL)).to_confirm == ()
    assert person.state(NEWS, EMAIL).lawful


def test_a_consent_keeps_its_evidence_and_the_notice_that_was_read(house: House, person: Person) -> None:
    """Article 7(1) GDPR: which text, in which language, shown by what; until when it counts."""
    done = person.choose(yes(NEWS, EMAIL), no(CARE, PHONE))
    with house.work.reading() as connection:
        rows = {row.seq: row.declaration for row in ledger.recorded(connection, person.number)}
    consent, refusal = (rows[seq] for seq in done.seqs)

    notice = next(view.notice for view in person.sees().purposes if view.key == NEWS)
    assert consent.notice is not None
    assert consent.notice.hex() == notice.digest["de"]
    assert consent.has_evidence
    assert consent.valid_until == replace_year(person.now, 3)
    assert (refusal.act, refusal.has_evidence, refusal.notice) == (Act.OBJECTED, False, None)


def replace_year(moment: object, years: int) -> object:
    return moment.replace(year=moment.year + years)  # type: ignore[attr-defined]


def test_going_back_is_one_act_and_leaves_what_came_later(person: Person) -> None:
    """Undo is the person's own later act; the log keeps both (Article 7(3))."""
    person.choose(yes(NEWS, EMAIL))
    done = person.choose(no(scope=Scope.MARKETING))
    person.choose(no(field="needs"))
    person.now = next(person.times)
    proof = Proof(b"by test", mailbox=person.mailbox)
    undo(person.house, person.subject, done.seqs, actor=THE_SUBJECT, now=person.now, language="de", proof=proof)

    assert person.sees().objection(Scope.MARKETING).since is None
    assert person.state(NEWS, EMAIL).lawful
    assert next(f for f in person.sees().fields if f.key == "needs").withheld


def test_refusing_everything_and_going_back_leads_to_what_held_before(house: House, person: Person) -> None:
    """Every purpose and way, the block list and post included: one act each way (Article 7(3), UX-2)."""
    details = dict(identity_of(person.number).details) | {"street": "Weg 1", "postcode": "12345", "city": "Musterstadt"}
    reference = f"K{person.number:04d}"
    house.vault.update([(person.subject.pseudonym, Identity(Unit.CONTACT, reference, details))])

    def lawful() -> dict[tuple[str, str], bool]:
        views = person.sees().purposes
        found = {(view.key, ""): view.state.lawful for view in views}
        return found | {(v.key, c.channel.value): c.state.lawful for v in views for c in v.channels}

    person.choose(yes(NEWS, EMAIL), yes(OFFERS, EMAIL), yes(CARE, PHONE))
    before = lawful()
    assert before[OFFERS, "post"]
    done = person.choose(*everything_refused(house.catalogue))
    assert not any(lawful().values())
    person.now = next(person.times)
    proof = Proof(b"by test", mailbox=person.mailbox)
    undo(house, person.subject, done.seqs, actor=THE_SUBJECT, now=person.now, language="de", proof=proof)
    assert lawful() == before


def test_nobody_takes_back_what_is_not_theirs(house: House, person: Person) -> None:
    """A number of somebody else's declaration, or of an import, undoes nothing."""
    other = Person(house, next(NUMBERS))
    theirs = other.choose(yes(NEWS, EMAIL))
    for seqs in (theirs.seqs, (10**9,), ()):
        with pytest.raises(ChoiceNotOffered):
            undo(house, person.subject, seqs, actor=THE_SUBJECT, now=person.now, language="de")


def test_the_browsers_signal_counts_before_it_is_written_down_and_is_written_down_once(person: Person) -> None:
    """Sec-GPC is honoured in what is shown at once, and recorded as its own source at the next act (OBJ-9)."""
    person.choose(yes(OFFERS, EMAIL), yes(NEWS, EMAIL))
    assert person.state(OFFERS, gpc=True).reason is Reason.OBJECTED_TO_PROFILING
    assert person.state(OFFERS, gpc=True).chosen is None
    assert person.state(NEWS, EMAIL, gpc=True).lawful
    assert not person.sees(gpc=True).objection(Scope.PROFILING).recorded
    assert person.state(OFFERS).lawful

    person.choose(no(NEWS, EMAIL), gpc=True)
    view = person.sees(gpc=True).objection(Scope.PROFILING)
    assert (view.recorded, view.source) == (True, Source.SIGNAL)
    assert not person.state(OFFERS).lawful

    person.choose(yes(OFFERS, EMAIL), gpc=True)
    assert person.state(OFFERS, EMAIL, gpc=True).lawful


def test_a_first_choice_made_under_the_signal_counts(person: Person) -> None:
    """The header comes before the form: what the person ticks there outranks it (the explicit act is the later one)."""
    person.choose(yes(OFFERS, EMAIL), gpc=True)

    assert person.state(OFFERS, EMAIL, gpc=True).lawful
    assert person.sees().objection(Scope.PROFILING).source is Source.SIGNAL


@pytest.mark.parametrize(
    "choice",
    [
        yes(NEWS, PHONE),
        no(NEWS, field="needs"),
        Choice(Aim(scope=Scope.MARKETING), Answer.ALLOW),
        Choice(Aim(NEWS, scope=Scope.MARKETING), Answer.REFUSE),
        Choice(Aim(), Answer.ALLOW),
        no(field="nothing"),
    ],
    ids=lambda choice: repr(choice.aim)[:60],
)
def test_what_nobody_decides_is_refused_and_nothing_is_recorded(person: Person, choice: Choice) -> None:
    """A forged form records nothing, not even its valid part."""
    with pytest.raises(ChoiceNotOffered):
        person.choose(yes(OFFERS), choice)
    assert person.sees().version == 0


def test_a_system_of_the_controller_cannot_raise_what_the_person_denied(person: Person) -> None:
    """OBJ-10: the CRM brings a yes after the person's no, with nothing that shows a later act of theirs."""
    person.choose(no(NEWS, EMAIL))
    with pytest.raises(MayNotRaise):
        choose(
            person.house, person.subject, [yes(NEWS, EMAIL)], source=Source.CONTROLLER_API, actor=OPERATOR,
            now=person.now + MINUTE, language="de",
        )  # fmt: skip


def test_an_imported_consent_is_shown_and_never_as_the_persons_tick(house: House, person: Person) -> None:
    """What holds by an import is said with its source; the tick is theirs alone (CON-2, UX-5)."""
    import_ = replace(said(NEWS, channel=EMAIL, source=Source.IMPORT), has_evidence=True)
    with house.work.writing() as connection:
        ledger.declare(connection, person.number, [import_], actor=OPERATOR, now=NOON, evidence=[b"sealed"])
    state = person.state(NEWS, EMAIL)

    assert (state.lawful, state.chosen, state.source) == (True, None, Source.IMPORT)


def test_who_still_holds_a_file_is_named_until_it_ends(tmp_path: Path) -> None:
    """Article 19 GDPR, OBJ-5: by name, with the day until when, and whether it may still be used."""
    house = a_small_world(tmp_path)
    run_scheme(house, RULES)
    number = built(house)
    assert preferences(house, declaring.of_number(house, 3), now=NOON).holders == ()
    downloaded(house, number)

    person = Person(house, 3)
    holder = person.sees().holders[0]
    assert (holder.name, holder.state, holder.channel) == ("Versandhaus Muster GmbH", HolderState.HOLDS, EMAIL)
    assert holder.until is not None
    person.choose(no(OFFERS, EMAIL))
    assert person.sees().holders[0].state is HolderState.STILL_HOLDS
    person.now = holder.until
    assert person.sees().holders == ()
    house.close()


def test_systems_of_the_controller_are_named_with_whether_they_have_heard(house: House, person: Person) -> None:
    """UX-5: pending, arrived or not reached, by the newest change, for every system that is still told."""
    with house.work.writing() as connection:
        webhooks.add(connection, 1, "https://crm.example.org/hook", b"sealed", "CRM", actor=OPERATOR, now=NOON)

    def states() -> list[tuple[str, HolderState]]:
        return [(each.name, each.state) for each in person.sees().holders]

    assert states() == []
    person.choose(no(NEWS, EMAIL))
    assert states() == [("CRM", HolderState.PENDING)]
    _deliver(house, person, failed=True)
    assert states() == [("CRM", HolderState.FAILED)]
    person.choose(yes(NEWS, EMAIL))
    assert states() == [("CRM", HolderState.PENDING)]
    _deliver(house, person, failed=False)
    assert states() == [("CRM", HolderState.ARRIVED)]
    with house.work.writing() as connection:
        webhooks.end(connection, 1, actor=OPERATOR, now=NOON)
    assert states() == []


def _deliver(house: House, person: Person, *, failed: bool) -> None:
    with house.work.writing() as connection:
        ((_, row),) = store_webhooks.newest_about(connection, person.number)
        if failed:
            webhooks.not_delivered(connection, row, "500", last=True, now=person.now)
        else:
            webhooks.delivered(connection, row, "200", now=person.now)


def test_the_whole_way_on_both_databases(tmp_path: Path, database_url: str) -> None:
    """Come in, choose, see, go back: alike on SQLite and PostgreSQL."""
    house = a_small_world(tmp_path, database_url, people=3, gold=1)
    cookie = portal.enter(
        house,
        portal.embed_link(house, declaring.of_number(house, 2), actor=OPERATOR, now=NOON).rpartition("/")[2],
        now=NOON,
    )
    assert cookie is not None
    person = Person(house, 2)
    done = person.choose(no(OFFERS), yes(NEWS, EMAIL), no(field="needs"), gpc=True)
    assert not person.state(OFFERS).lawful
    assert person.state(NEWS, EMAIL).lawful
    person.now = next(person.times)
    proof = Proof(b"by test", mailbox=person.mailbox)
    undo(house, person.subject, done.seqs, actor=THE_SUBJECT, now=person.now, language="de", proof=proof)
    assert not person.state(OFFERS, EMAIL).lawful  # the browser's objection stood above it before, too
    assert not person.state(NEWS, EMAIL).lawful
    assert not next(f for f in person.sees().fields if f.key == "needs").withheld
    house.close()


def test_everything_shown_can_be_said_as_json(person: Person) -> None:
    """The controller's own website shows the same (H6)."""
    person.choose(yes(OFFERS, EMAIL), no(field="needs"))
    told = person.sees().to_json()

    assert told["version"] > 0
    assert {each["purpose"] for each in told["purposes"]} == {NEWS, OFFERS, CARE, SERVICE, PRICE}
    assert identity_of(person.number).details["email"] not in repr(told)
