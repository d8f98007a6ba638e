"""§ 7 UWG: which way may a message take, apart from whether the data may be used at all."""

from __future__ import annotations

from itertools import product

import pytest

from consent.channels import channel_decision
from consent.standing import Objections, Standing
from governance.purposes import Purpose
from governance.vocabulary import CHANNEL_BITS, Channel, ConsentState, Decision, LegalBasis, Reason
from tests.consent.builders import DAY, NOON, a_purpose

YES = Decision(True, Reason.INTERESTS_PREVAIL)
MARKETING = a_purpose(LegalBasis.LEGITIMATE_INTERESTS, marketing=True)

# channel, counterparty, without a consent for the channel, with one
LAW = [
    (Channel.EMAIL, "consumer", False, True),
    (Channel.EMAIL, "business", False, True),
    (Channel.EMAIL, "unknown", False, True),
    (Channel.SMS, "consumer", False, True),
    (Channel.SMS, "business", False, True),
    (Channel.SMS, "unknown", False, True),
    (Channel.PHONE, "consumer", False, True),
    (Channel.PHONE, "business", False, True),  # presumed consent needs a documented reason, which is not kept yet
    (Channel.PHONE, "unknown", False, True),
    (Channel.POST, "consumer", True, True),
    (Channel.POST, "business", True, True),
    (Channel.POST, "unknown", True, True),
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
) -> bool:
    return channel_decision(YES, purpose, channel, who, standing, objections, now=NOON).lawful


@pytest.mark.parametrize(("channel", "who", "without", "with_consent"), LAW)
def test_advertising_needs_what_the_law_asks_of_the_channel(
    channel: Channel, who: str, without: bool, with_consent: bool
) -> None:
    """§ 7(2) nos. 1 and 2 UWG: express consent but for post; B2B e-mail is no exception (UWG-1, UWG-3, UWG-5)."""
    assert allowed(channel, who, Standing()) is without
    assert allowed(channel, who, consented(channel)) is with_consent


@pytest.mark.parametrize(("channel", "who"), list(product(Channel, ("consumer", "business", "unknown"))))
def test_any_objection_wins(channel: Channel, who: str) -> None:
    """Article 21(3) GDPR, § 7(1) sentence 2 UWG: to the purpose, to marketing, to the channel, to everything."""
    yes = consented(channel)

    assert not allowed(channel, who, consented(channel, channels_denied=CHANNEL_BITS[channel]))
    assert not allowed(channel, who, consented(channel, objected=True))
    assert not allowed(channel, who, yes, Objections(marketing_at=NOON))
    assert not allowed(channel, who, yes, Objections(general_at=NOON))


def test_a_closed_processing_gate_is_never_opened_by_a_channel() -> None:
    """UWG-6, S8: two gates; the reason of the first one is kept."""
    no = Decision(False, Reason.RESTRICTED)

    for channel in Channel:
        assert channel_decision(no, MARKETING, channel, "business", consented(channel), Objections(), now=NOON) == no


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
