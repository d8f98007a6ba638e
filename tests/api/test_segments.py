"""Schemes from the outside, end to end in a home: define, list, run, show, correct, lift."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text, update

from api.wiring import House
from api.workflows import correcting, segments
from api.workflows.segment_results import CorrectionOrder
from audit import log
from audit.errors import NotFound
from governance.identity import Identity
from governance.tables import subject
from governance.vocabulary import OPERATOR, Unit
from segmentation.errors import AlreadyDefined, CorrectionRefused, SchemeUnknown, SegmentUnknown
from segmentation.integrity import check_assignments, check_models
from segmentation.report import rounded
from tests.builders import NOON, a_house
from tests.segmentation.builders import a_world, clusters, objects, reactivation, rfm

REVIEW = date(2027, 11, 22)
MOVE = CorrectionOrder("move", "regular", "Hat angerufen", REVIEW)


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A home with 200 contacts, of whom one has an identity in the vault."""
    made = a_house(tmp_path)
    a_world(made.work)
    made.vault.store([((3).to_bytes(16, "big"), Identity(Unit.CONTACT, "K-3", {"family_name": "Größe"}))])
    return made


def test_listed_counts_add_up_for_every_scheme(house: House) -> None:
    """Permitted plus left out by reason is everybody, in the operator's exact view."""
    objects(house.work, 5)
    for scheme in (reactivation(), rfm(), clusters()):
        segments.define(house, json.dumps(scheme), actor=OPERATOR, now=NOON)
        segments.run(house, scheme["scheme"], actor=OPERATOR, now=NOON)

    listed = segments.schemes(house).to_json()["schemes"]

    assert [each["scheme"] for each in listed] == ["clusters", "reactivation", "rfm"]
    for each in listed:
        assert each["permitted"] + sum(each["left_out"].values()) == each["total"] == 200
    shown = segments.show(house, "clusters", now=NOON).to_json()
    assert sum(shown["now"].values()) == 199
    json.dumps(shown)


def test_the_same_definition_again_changes_nothing_and_an_older_one_is_refused(house: House) -> None:
    """A version never changes once stored."""
    first = json.dumps(reactivation())
    assert segments.define(house, first, actor=OPERATOR, now=NOON).new
    assert not segments.define(house, first, actor=OPERATOR, now=NOON).new
    other = segments.define(house, json.dumps(reactivation(minimum_size=20)), actor=OPERATOR, now=NOON)
    assert other.version == 2
    with pytest.raises(AlreadyDefined):
        segments.define(house, first, actor=OPERATOR, now=NOON)


def test_a_correction_acts_at_once_and_outranks_runs_refits_and_imports(house: House) -> None:
    """It stands until a human lifts it (Article 16, REC-2, invariant 3)."""
    segments.define(house, json.dumps(reactivation()), actor=OPERATOR, now=NOON)
    segments.run(house, "reactivation", actor=OPERATOR, now=NOON)
    before = segments.show(house, "reactivation", now=NOON).now

    correcting.correct(house, "reactivation", "K-3", MOVE, actor=OPERATOR, now=NOON)

    after = segments.show(house, "reactivation", now=NOON).now
    assert after["regular"] == before["regular"] + 1
    assert after["asleep"] == before["asleep"] - 1
    for day in range(1, 11):
        with house.work.writing() as connection:
            connection.execute(update(subject).values(updated_at=NOON + timedelta(days=day)))
        report = segments.run(house, "reactivation", actor=OPERATOR, now=NOON + timedelta(days=day), refit=day % 2 == 0)
        assert (report.corrected, report.conflicts) == (1, 1)
        assert segments.show(house, "reactivation", now=NOON).now["regular"] == before["regular"] + 1

    correcting.lift(house, "reactivation", "K-3", actor=OPERATOR, now=NOON + timedelta(days=11))
    report = segments.run(house, "reactivation", actor=OPERATOR, now=NOON + timedelta(days=12))
    assert report.corrected == 0


def test_the_reason_of_a_correction_is_sealed_and_no_fact_names_anybody(house: House) -> None:
    """Free text about a person lies under that person's key, the log holds handles (LOG-6)."""
    segments.define(house, json.dumps(reactivation()), actor=OPERATOR, now=NOON)
    segments.run(house, "reactivation", actor=OPERATOR, now=NOON)
    correcting.correct(house, "reactivation", "K-3", MOVE, actor=OPERATOR, now=NOON)

    with house.work.reading() as connection:
        stored = connection.execute(text("SELECT reason FROM correction")).scalar_one()
        entry = log.entries(connection, kind="assignment:corrected", subject=3)[0]
    assert b"angerufen" not in stored
    assert house.vault.open_evidence([((3).to_bytes(16, "big"), stored)]) == [b"Hat angerufen"]
    assert set(entry.body) == {"scheme", "correction", "kind", "review"}


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        (CorrectionOrder("move", "nowhere", "x", REVIEW), SegmentUnknown),
        (CorrectionOrder("out", "regular", "x", REVIEW), CorrectionRefused),
        (CorrectionOrder("out", None, "x", NOON.date()), CorrectionRefused),
    ],
)
def test_a_correction_that_cannot_stand_is_refused(
    house: House, order: CorrectionOrder, problem: type[Exception]
) -> None:
    """Nothing is written, and the message says why."""
    segments.define(house, json.dumps(reactivation()), actor=OPERATOR, now=NOON)
    segments.run(house, "reactivation", actor=OPERATOR, now=NOON)
    with pytest.raises(problem):
        correcting.correct(house, "reactivation", "K-3", order, actor=OPERATOR, now=NOON)
    with house.work.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM correction")).scalar_one() == 0


def test_pinning_keeps_and_taking_out_removes(house: House) -> None:
    """A second correction takes the place of the first; only one is in force."""
    segments.define(house, json.dumps(reactivation()), actor=OPERATOR, now=NOON)
    segments.run(house, "reactivation", actor=OPERATOR, now=NOON)
    pinned = correcting.correct(
        house, "reactivation", "K-3", CorrectionOrder("pin", None, "x", REVIEW), actor=OPERATOR, now=NOON
    )
    assert pinned.segment == "asleep"
    before = segments.show(house, "reactivation", now=NOON).now
    correcting.correct(
        house, "reactivation", "K-3", CorrectionOrder("out", None, "x", REVIEW), actor=OPERATOR, now=NOON
    )
    assert segments.show(house, "reactivation", now=NOON).now["asleep"] == before["asleep"] - 1
    report = segments.run(house, "reactivation", actor=OPERATOR, now=NOON)
    assert report.corrected == 1
    with house.work.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM correction WHERE lifted_at IS NULL")).scalar_one() == 1


def test_an_unknown_scheme_or_reference_says_so(house: House) -> None:
    """Expected mistakes have names."""
    with pytest.raises(SchemeUnknown):
        segments.run(house, "nothing", actor=OPERATOR, now=NOON)
    segments.define(house, json.dumps(reactivation()), actor=OPERATOR, now=NOON)
    with pytest.raises(NotFound):
        correcting.correct(house, "reactivation", "K-99", MOVE, actor=OPERATOR, now=NOON)


def test_the_deep_check_names_the_altered_model_and_row(house: House) -> None:
    """Flip a byte of a stored model or assignment: it is named (LOG-8)."""
    segments.define(house, json.dumps(clusters()), actor=OPERATOR, now=NOON)
    segments.run(house, "clusters", actor=OPERATOR, now=NOON)
    with house.work.reading() as connection:
        assert not [*check_models(connection), *check_assignments(connection)]
    with house.work.writing() as connection:
        connection.execute(text("UPDATE assignment SET effective = (effective + 1) % 3 WHERE subject = 10"))
        connection.execute(text("UPDATE model SET document = replace(document, 'kmeans', 'kmeanz')"))
    with house.work.reading() as connection:
        found = [finding.where for finding in check_models(connection)]
    assert len(found) == 1
    assert found[0].startswith("model ")
    with house.work.writing() as connection:
        connection.execute(text("UPDATE model SET document = replace(document, 'kmeanz', 'kmeans')"))
    with house.work.reading() as connection:
        assert [str(each) for each in check_assignments(connection)] == [
            "assignment run 1, position 9: the column effective differs from the record"
        ]


def test_the_view_for_marketing_holds_no_exact_count(house: House) -> None:
    """Rounded to ten, nothing below ten, small reasons pooled (XPT-3)."""
    objects(house.work, 5)
    segments.define(house, json.dumps(reactivation()), actor=OPERATOR, now=NOON)

    view = rounded(segments.run(house, "reactivation", actor=OPERATOR, now=NOON))

    assert view["permitted"] == 200
    assert view["left_out"] == {"other_reasons": "<10"}
    assert all(isinstance(each["size"], str) or each["size"] % 10 == 0 for each in view["segments"])
