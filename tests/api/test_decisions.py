"""May we, now? Over HTTP, for one person: the same answer as everywhere, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.routes.decisions import DecisionOut
from api.workflows.declaring import declare, find
from audit import log
from audit.database import Database
from consent.errors import DeclarationInvalid, MayNotRaise
from consent.permission import decide_one
from consent.single import decide_about
from governance.staff import Scope
from governance.tables import subject
from governance.vocabulary import OPERATOR, Act, Channel, Declaration, LegalBasis, Role, Source
from governance.vocabulary import Scope as Aim
from tests.api.test_api import is_problem
from tests.api.web import CANARY, Served, serve
from tests.consent.builders import NOON, a_purpose, people
from tests.consent.test_grounds import CUSTOMER_FACTS, a_fact
from tests.consent.test_grounds import record as show
from tests.consent.test_ledger import record
from tests.consent.test_replay_many import declared
from tests.small_world import said

ASK = "/api/v1/decisions"
OFFERS = {"purpose": "personalised_offers"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = serve(tmp_path_factory.mktemp("decisions"))
    yield made
    made.house.close()


def ask(served: Served, number: int, **question: Any) -> dict[str, Any]:
    answer = served.caller(Role.DESK, Scope.READ).post(ASK, json={"reference": f"K{number:04d}", **OFFERS, **question})
    assert answer.status_code == 200, answer.text
    DecisionOut.model_validate(answer.json())
    return dict(answer.json())


def acts(served: Served, number: int, *words: Declaration) -> None:
    declare(served.house, find(served.house, f"K{number:04d}"), words, actor=OPERATOR, now=served.now)


def test_the_answer_is_that_of_this_very_instant(served: Served) -> None:
    """OBJ-3, Article 7(3) GDPR: asked again after the withdrawal, it is no; nothing else of the person is told."""
    assert ask(served, 1, channel="email")["lawful"] is True
    acts(served, 1, said("personalised_offers", Act.WITHDRAWN, at=NOON))

    answer = ask(served, 1, channel="email")

    assert answer == {
        "lawful": False,
        "reason": "consent_withdrawn",
        "text": {"de": "Einwilligung widerrufen", "en": "Consent withdrawn"},
    }


def test_channel_block_list_and_missing_address_are_asked_too(served: Served) -> None:
    """§ 7 UWG, OBJ-6: the processing may be lawful and the way closed."""
    assert ask(served, 2)["lawful"] is True
    assert ask(served, 2, channel="post")["reason"] == "no_contact_point"
    assert ask(served, 2, channel="phone")["lawful"] is False
    assert ask(served, 2, channel="email")["lawful"] is True
    with served.house.work.writing() as connection:
        served.house.blocklist.add(connection, "email", " ADA.Muster2@EXAMPLE.org", now=NOON)
    assert ask(served, 2, channel="email")["reason"] == "address_blocked"
    assert ask(served, 2)["lawful"] is True


def test_asking_changes_nothing_and_needs_the_right(served: Served) -> None:
    """SEC-4, SEC-6: no fact, no row; the reference stands in no address and no answer."""
    with served.house.work.reading() as connection:
        before = log.size(connection)
    ask(served, 3, channel="email")
    with served.house.work.reading() as connection:
        assert log.size(connection) <= before + 1  # the token of the caller is a fact, the question is none
    body = {"reference": "K0003", **OFFERS}
    assert is_problem(served.caller(Role.MARKETING, Scope.READ).post(ASK, json=body), 403)
    assert is_problem(served.caller(Role.DESK, Scope.DECLARE).post(ASK, json=body), 403)
    assert is_problem(served.browser().post(ASK, json=body), 401)
    desk = served.caller(Role.DESK, Scope.READ)
    unknown = desk.post(ASK, json=body | {"reference": CANARY})
    assert unknown.status_code == 404
    assert CANARY not in unknown.text + served.lines.getvalue()
    assert desk.post(ASK, json=body | {"purpose": "party"}).status_code == 404
    assert desk.post(ASK, json=body | {"channel": "fax"}).status_code == 422


def test_who_guesses_references_is_stopped(served: Served) -> None:
    """SEC-11: unknown ones are counted, known ones are not."""
    desk = served.caller(Role.DESK, Scope.READ)
    for number in range(120):
        assert desk.post(ASK, json={"reference": f"X{number}", **OFFERS}).status_code == 404
        assert number % 40 or desk.post(ASK, json={"reference": "K0004", **OFFERS}).status_code == 200
    assert desk.post(ASK, json={"reference": "K0004", **OFFERS}).status_code == 429


PURPOSES = [
    a_purpose(basis, key=key, marketing=True, profiling=key == "care")
    for basis in LegalBasis
    for key in ("newsletter", "care", "sales_care")
]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(declared(), max_size=5), facts=st.booleans(), wide=st.sampled_from([None, Aim.MARKETING]))
def test_one_read_answers_as_all_the_others_do(
    work: Database, words: list[Declaration], facts: bool, wide: Aim | None
) -> None:
    """One joined row against the decision that everything else uses, for every basis and channel."""
    with work.reading() as connection:
        number = len(connection.execute(subject.select()).all()) + 1
    people(work, [number])
    for word in words:
        try:
            record(work, number, word)
        except (DeclarationInvalid, MayNotRaise):
            continue
    if facts:
        show(work, number, *(a_fact(kind) for kind in CUSTOMER_FACTS))
    if wide:
        record(work, number, said(None, Act.OBJECTED, at=NOON, scope=wide, source=Source.SIGNAL))

    with work.reading() as connection:
        pseudonym = number.to_bytes(16, "big")
        for purpose in PURPOSES:
            for channel in (None, *Channel):
                expected = decide_one(connection, number, purpose, now=NOON, channel=channel)
                assert decide_about(connection, pseudonym, purpose, now=NOON, channel=channel) == expected
        assert decide_about(connection, bytes(16), PURPOSES[0], now=NOON).reason == "erased"
