"""Company schemes: a contact who says no while the run is under way takes out what was computed from their orders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from api.wiring import House
from api.workflows import segments
from api.workflows.consents import Said, declare_for, restrict_for, show_subject
from audit import verify
from governance.store import subject_of
from governance.vocabulary import OPERATOR, Act, Scope, Unit
from segmentation import run_stage, store, store_assignments
from tests.api import test_account_schemes
from tests.builders import NOON

house = test_account_schemes.house
"""F1 to F6 are legal persons with the contacts K1 to K6 and K1b to K6b; F11 to F16 are people with K11 to K16."""


def companies(house: House) -> set[str]:
    """The companies that have a record by the live run; every proof of the others still verifies."""
    with house.work.reading() as connection:
        live = store.live_run(connection, "firmen")
        assert live is not None
        assert not list(verify.check_batch(connection, live.id, store_assignments.AssignmentRows()))
        numbers = {int(n) for block in store_assignments.blocks_of(connection, live.id) for n in block.subjects}
    references = [f"F{n}" for n in (*range(1, 7), *range(11, 17))]
    found = {}
    for reference, handle in zip(references, house.vault.find(Unit.ACCOUNT, references), strict=True):
        with house.work.reading() as connection:
            found[reference] = subject_of(connection, [handle or b""])[0]
    return {reference for reference, number in found.items() if number in numbers}


def run_interrupted(house: House, monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], object]) -> set[str]:
    """The companies that are missing after a run in which these acts happened between reading and publishing."""
    segments.run(house, "firmen", actor=OPERATOR, now=NOON)
    before = companies(house)
    stage = run_stage.stage

    def interrupted(*args: Any) -> Any:
        done = stage(*args)
        for act in acts:
            act()
        return done

    monkeypatch.setattr("segmentation.run.stage", interrupted)
    segments.run(house, "firmen", actor=OPERATOR, now=NOON)
    return before - companies(house)


def says(house: House, reference: str, said: Said) -> Callable[[], object]:
    return lambda: declare_for(house, reference, said, actor=OPERATOR, now=NOON)


def test_a_sole_traders_contact_who_objects_during_the_run_takes_the_company_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its figures hold orders of somebody who may not be processed any more (Article 21(1) GDPR, design 4)."""
    objects = Said(Act.OBJECTED, scope=Scope.GENERAL)
    withholds = Said(Act.FIELD_WITHHELD, purpose="service_segmentation", field="purchase_history")

    missing = run_interrupted(house, monkeypatch, says(house, "K11", objects), says(house, "K12", withholds))

    assert missing == {"F11", "F12"}


def test_a_legal_persons_figures_stay_when_a_contact_objects_and_go_when_one_is_restricted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the jump would tell who objected (decision 0004); restricted orders never count (Article 18 GDPR)."""
    objects = Said(Act.OBJECTED, scope=Scope.GENERAL)

    missing = run_interrupted(
        house,
        monkeypatch,
        says(house, "K1", objects),
        lambda: restrict_for(house, "K2b", actor=OPERATOR, now=NOON),
    )

    assert missing == {"F2"}


def test_looking_at_a_contact_during_the_run_takes_nobody_out(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A contact who objected long ago counts in no figure; that the desk looks changes nothing."""
    declare_for(house, "K13", Said(Act.OBJECTED, scope=Scope.GENERAL), actor=OPERATOR, now=NOON)

    missing = run_interrupted(house, monkeypatch, lambda: show_subject(house, "K13", actor=OPERATOR, now=NOON))

    assert missing == set()
