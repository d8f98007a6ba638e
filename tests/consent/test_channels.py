"""§ 7 UWG: which way may a message take, apart from whether the data may be used at all.

The law stands here as a table of plain words, written apart from the code that it is held against.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from consent.channels import NO_GROUNDS, Grounds, channel_decision
from consent.openings import CUSTOMER_FACTS, Ground, GroundKind, RecordedGround, openings_of
from consent.standing import Objections, Standing
from governance.purposes import Purpose
from governance.vocabulary import (
    CHANNEL_BITS,
    Act,
    Channel,
    ConsentState,
    Decision,
    Declaration,
    LegalBasis,
    Reason,
    Scope,
)
from tests.consent.builders import DAY, NOON, a_purpose, objected_to, said

YES = Decision(True, Reason.INTERESTS_PREVAIL)
MARKETING = a_purpose(LegalBasis.LEGITIMATE_INTERESTS, marketing=True)
COLUMNS = ("nothing", "express consent", "existing customer", "presumed consent")
LAW = """
    email consumer   no  yes yes no
    email business   no  yes yes no
    email unknown    no  yes yes no
    sms   consumer   no  yes yes no
    sms   business   no  yes yes no
    sms   unknown    no  yes yes no
    phone consumer   no  yes no  no
    phone business   no  yes no  yes
    phone unknown    no  yes no  no
    post  consumer   yes yes yes yes
    post  business   yes yes yes yes
    post  unknown    yes yes yes yes
"""
CELLS = [
    (Channel(channel), who, shown, answer == "yes")
    for channel, who, *answers in (line.split() for line in LAW.split("\n") if line.strip())
    for shown, answer in zip(COLUMNS, answers, strict=True)
]


def consented(channel: Channel, **changes: object) -> Standing:
    given = {"state": ConsentState.GIVEN, "granted_at": NOON - DAY, "channels": CHANNEL_BITS[channel]}
    return Standing(**(given | changes))  # type: ignore[arg-type]


def allowed(
    channel: Channel,
    who: str,
    standing: Standing,
    objections: Objections = Objections(),  # noqa: B008
    purpose: Purpose = MARKETING,
    grounds: Grounds = NO_GROUNDS,
) -> bool:
    return channel_decision(YES, purpose, channel, who, standing, objections, grounds, now=NOON).lawful


def shown_as(shown: str, channel: Channel) -> tuple[Standing, Grounds]:
    """What is on record in one column of the table."""
    bit = CHANNEL_BITS[channel]
    standing = consented(channel) if shown == "express consent" else Standing()
    return standing, Grounds(bit * (shown == "existing customer"), bit * (shown == "presumed consent"))


@pytest.mark.parametrize(("channel", "who", "shown", "answer"), CELLS)
def test_advertising_needs_what_the_law_asks_of_the_channel(
    channel: Channel, who: str, shown: str, answer: bool
) -> None:
    """§ 7(2) nos. 1 and 2, § 7(3) UWG: B2B e-mail is no exception (UWG-1, -2, -3, -5); unknown is consumer (UWG-7)."""
    standing, grounds = shown_as(shown, channel)

    decision = channel_decision(YES, MARKETING, channel, who, standing, Objections(), grounds, now=NOON)

    assert decision == (YES if answer else Decision(False, Reason.NO_EXPRESS_CONSENT))


def test_the_table_of_the_law_has_every_cell() -> None:
    """No cell is decided by accident."""
    assert len(CELLS) == len(list(product(Channel, ("consumer", "business", "unknown"), COLUMNS)))


@pytest.mark.parametrize(("channel", "who"), list(product(Channel, ("consumer", "business", "unknown"))))
@pytest.mark.parametrize("shown", COLUMNS)
def test_any_objection_wins(channel: Channel, who: str, shown: str) -> None:
    """Article 21(3) GDPR, § 7(1) sentence 2 UWG: to the purpose, to marketing, to the channel, to everything."""
    standing, grounds = shown_as(shown, channel)
    refused = replace(standing, channels_denied=CHANNEL_BITS[channel])

    assert not allowed(channel, who, refused, grounds=grounds)
    assert not allowed(channel, who, replace(standing, objected=True), grounds=grounds)
    assert not allowed(channel, who, standing, Objections(marketing_at=NOON), grounds=grounds)
    assert not allowed(channel, who, standing, Objections(general_at=NOON), grounds=grounds)


@pytest.mark.parametrize("shown", COLUMNS)
def test_a_closed_processing_gate_is_never_opened_by_a_channel(shown: str) -> None:
    """UWG-6, S8: two gates; the reason of the first one is kept."""
    no = Decision(False, Reason.RESTRICTED)

    for channel in Channel:
        standing, grounds = shown_as(shown, channel)
        assert channel_decision(no, MARKETING, channel, "business", standing, Objections(), grounds, now=NOON) == no


def test_legitimate_interests_never_open_what_the_channel_gate_denies() -> None:
    """UWG-6: a valid assessment permits the processing and not one e-mail."""
    decision = channel_decision(
        YES, MARKETING, Channel.EMAIL, "business", Standing(), Objections(), NO_GROUNDS, now=NOON
    )

    assert decision == Decision(False, Reason.NO_EXPRESS_CONSENT)


def a_sale(channel: Channel = Channel.EMAIL, *, without: GroundKind | None = None) -> list[RecordedGround]:
    """Every fact of § 7(3) UWG that is recorded, but for one."""
    facts = [Ground("newsletter", channel, kind, NOON - 30 * DAY) for kind in CUSTOMER_FACTS if kind is not without]
    return [RecordedGround(seq, fact, True, NOON - 30 * DAY) for seq, fact in enumerate(facts, 1)]


def reached(rows: list[RecordedGround], *history: Declaration) -> bool:
    """Whether the facts let an e-mail through to somebody who never consented."""
    grounds = openings_of(rows, history).get("newsletter", NO_GROUNDS)
    return allowed(Channel.EMAIL, "consumer", Standing(), grounds=grounds)


def test_an_existing_customer_is_reached_with_every_fact_of_the_exception() -> None:
    """§ 7(3) UWG: address from a sale, own similar goods, no objection, clear notice then and each time (UWG-2)."""
    assert reached(a_sale())


@pytest.mark.parametrize("missing", CUSTOMER_FACTS)
def test_an_existing_customer_is_not_reached_without_one_of_the_facts(missing: GroundKind) -> None:
    """T18: that somebody is a customer is not enough."""
    assert not reached(a_sale(without=missing))


@pytest.mark.parametrize(
    "no",
    [
        said(Act.OBJECTED, channel=Channel.EMAIL),
        said(Act.WITHDRAWN, channel=Channel.EMAIL),
        said(Act.REFUSED, channel=Channel.EMAIL),
        said(Act.OBJECTED),
        objected_to(Scope.MARKETING),
        objected_to(Scope.GENERAL),
    ],
)
def test_an_existing_customer_who_objected_is_not_reached_any_more(no: Declaration) -> None:
    """§ 7(3) no. 3 UWG: not even when the objection is lifted; only an express consent opens the channel again."""
    lifted = replace(no, act=Act.OBJECTION_LIFTED, said_at=NOON, received_at=NOON)
    again = [replace(row, seq=row.seq + 10, recorded_at=NOON) for row in a_sale()]

    assert not reached(a_sale(), no)
    assert not reached(a_sale(), no, lifted)
    assert not reached(a_sale() + again, no, lifted)
    assert allowed(Channel.EMAIL, "consumer", consented(Channel.EMAIL))


def test_a_no_to_something_else_ends_no_exception() -> None:
    """Another channel, another purpose, or profiling alone say nothing about these e-mails."""
    others = [
        said(Act.OBJECTED, channel=Channel.PHONE),
        said(Act.OBJECTED, purpose="other"),
        said(Act.FIELD_WITHHELD, field="industry"),
        objected_to(Scope.PROFILING),
    ]

    assert reached(a_sale(), *others)


def test_a_fact_that_was_found_wrong_ends_the_exception() -> None:
    """§ 7(3) UWG: the latest of each fact counts, and an old file brings nothing back."""
    fact = replace(a_sale()[1].ground, since=NOON - 5 * DAY)
    wrong = RecordedGround(9, fact, False, NOON)
    late = RecordedGround(10, replace(fact, since=NOON - 6 * DAY), True, NOON)

    assert not reached([*a_sale(), wrong])
    assert not reached([*a_sale(), wrong, late])
    assert reached([*a_sale(), wrong, replace(late, ground=replace(fact, since=NOON))])


def test_facts_about_one_channel_or_purpose_open_no_other() -> None:
    """§ 7(3) UWG: the address that came from the sale, for the goods that are similar."""
    opened = openings_of(a_sale(Channel.SMS), ())

    assert opened == {"newsletter": Grounds(customer=CHANNEL_BITS[Channel.SMS])}
    assert not allowed(Channel.EMAIL, "consumer", Standing(), grounds=opened["newsletter"])


def test_presumed_consent_needs_a_recorded_reason() -> None:
    """§ 7(2) no. 1 UWG: for a business and its phone alone, and an objection ends it (UWG-3)."""
    reason = RecordedGround(
        1, Ground("newsletter", Channel.PHONE, GroundKind.PRESUMED_CONSENT, NOON - DAY), True, NOON - DAY
    )
    grounds = openings_of([reason], ())["newsletter"]

    assert grounds == Grounds(presumed=CHANNEL_BITS[Channel.PHONE])
    assert allowed(Channel.PHONE, "business", Standing(), grounds=grounds)
    assert not allowed(Channel.PHONE, "unknown", Standing(), grounds=grounds)
    assert openings_of([reason], [said(Act.OBJECTED, channel=Channel.PHONE)]) == {}


def test_no_fact_stands_in_for_the_consent_that_a_purpose_rests_on() -> None:
    """PRI-9, CON-3: who was asked for consent to e-mails and gave none to them gets none."""
    newsletter = a_purpose(LegalBasis.CONSENT, marketing=True)
    every = Grounds(customer=15, presumed=15)

    for channel in (Channel.EMAIL, Channel.SMS, Channel.PHONE):
        assert not allowed(channel, "business", Standing(state=ConsentState.GIVEN), purpose=newsletter, grounds=every)


def test_a_channel_that_the_purpose_does_not_name_stays_closed() -> None:
    """Article 5(1)(b) GDPR: what was not declared is not used, consent or not."""
    only_post = a_purpose(marketing=True, channels=frozenset({Channel.POST}))

    assert not allowed(Channel.EMAIL, "business", consented(Channel.EMAIL), purpose=only_post)


def test_consent_to_one_channel_is_none_to_another() -> None:
    """CON-3: per purpose and per channel."""
    assert not allowed(Channel.PHONE, "consumer", consented(Channel.EMAIL))


def test_an_expired_or_missing_consent_closes_the_channel() -> None:
    """PRI-10: a bit without a valid consent behind it is nothing."""
    assert not allowed(Channel.EMAIL, "business", consented(Channel.EMAIL, valid_until=NOON))
    for state in (None, ConsentState.UNKNOWN, ConsentState.REQUESTED, ConsentState.WITHDRAWN):
        assert not allowed(Channel.EMAIL, "business", consented(Channel.EMAIL, state=state))


def test_a_message_that_is_no_advertising_needs_no_consent_of_its_own() -> None:
    """§ 7 UWG speaks of advertising: the invoice goes out, unless that channel was refused."""
    invoice = a_purpose(LegalBasis.CONTRACT)

    assert allowed(Channel.EMAIL, "consumer", Standing(), Objections(marketing_at=NOON), invoice)
    assert not allowed(
        Channel.EMAIL, "consumer", Standing(channels_denied=CHANNEL_BITS[Channel.EMAIL]), purpose=invoice
    )
