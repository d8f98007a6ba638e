"""Who is in a population, which of their cells, and which of their orders."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sqlalchemy import Connection, insert, text, update

from audit import log
from audit.database import Database
from consent.errors import FieldNotForPurpose, PermissionUnavailable
from consent.permission import PermittedPopulation, PopulationRequest, lawful, permitted
from consent.tables import standing, withheld
from governance import tables
from governance.fields import Field, FieldType
from governance.purposes import Purpose
from governance.vocabulary import Channel, LegalBasis, Reason, Unit
from tests.consent.builders import DAY, NOON, TODAY, a_field, a_profile, a_purpose, a_subject, an_order, people

INTERESTS = a_purpose(LegalBasis.LEGITIMATE_INTERESTS)
CONSENT = a_purpose(LegalBasis.CONSENT)
EMPLOYEES = a_field("employees")
ORDERS = a_field("purchase_history", FieldType.ACTIVITIES, window="P24M")
CATEGORY = a_field("purchase_category", FieldType.ACTIVITY_CATEGORY, window="P24M")


def withholds(connection: Connection, number: int, field: str, purpose: str = "newsletter", released: int = 0) -> None:
    row = {"purpose": purpose, "field": field, "subject": number, "released": released, "seq": 1}
    connection.execute(insert(withheld), row)


def of(
    connection: Connection, *fields: Field, purpose: Purpose = INTERESTS, unit: Unit = Unit.CONTACT
) -> PermittedPopulation:
    return permitted(connection, PopulationRequest(purpose, unit, fields), now=NOON)


def cells(population: PermittedPopulation, key: str, rows: int = 65_536) -> dict[int, Any]:
    return {
        int(subject): value
        for batch in population.batches(rows)
        for subject, value in zip(batch.subjects, batch.cells[key].to_pylist(), strict=True)
    }


def bytes_of(population: PermittedPopulation) -> bytes:
    """Everything the batches hold, value buffers under nulls included."""
    sink = pa.BufferOutputStream()
    for batch in population.batches(2):
        table = pa.record_batch([pa.array(batch.subjects), *batch.cells.values()], names=["s", *batch.cells])
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_batch(table)
        for array in batch.cells.values():
            for buffer in array.buffers():
                sink.write(b"" if buffer is None else buffer.to_pybytes())
    return bytes(sink.getvalue().to_pybytes())


def rows_of(population: PermittedPopulation, category: Field | None = None) -> list[dict[str, Any]]:
    relation = population.activities(ORDERS, category)
    return [row for batch in population.run_sql(relation) for row in batch.to_pylist()]


def test_somebody_about_whom_nothing_is_known_is_in_no_population_that_needs_consent(work: Database) -> None:
    """Article 25(2) GDPR, PRI-8: no permission comes with the creation of a contact."""
    people(work, [1, 2, 3])

    with work.reading() as connection:
        population = of(connection, purpose=CONSENT)
        assert population.size == 0
        assert population.left_out == {Reason.NEVER_ASKED: 3}
        assert list(population.batches()) == []
        assert rows_of(population) == []


def test_everybody_is_either_in_or_counted_out_under_one_reason(work: Database) -> None:
    """Article 5(2) GDPR: the counts add up, and only the first reason of each counts."""
    people(work, [1, 2])
    with work.writing() as connection:
        a_subject(connection, 3, restricted_at=NOON, erased_at=NOON)
        a_subject(connection, 4, restricted_at=NOON, informed_at=None)
        a_subject(connection, 5, informed_at=None)
        a_subject(connection, 6, informed_at=NOON + DAY)
        a_subject(connection, 7, unit="account")

    with work.reading() as connection:
        population = of(connection)
        assert population.subjects.tolist() == [1, 2]
        assert population.left_out == {Reason.ERASED: 1, Reason.RESTRICTED: 1, Reason.NOT_INFORMED: 2}
        assert population.total == 6


def test_cells_come_typed_and_in_the_order_of_their_subjects(work: Database) -> None:
    """Money in minor units, dates as dates, what nobody stated as null; whatever the size of the batches."""
    fields = [
        a_field("industry", FieldType.CATEGORY), EMPLOYEES, a_field("revenue", FieldType.MONEY),
        a_field("share", FieldType.DECIMAL), a_field("since", FieldType.DATE), a_field("active", FieldType.BOOLEAN),
        a_field("note", FieldType.TEXT), ORDERS,
    ]  # fmt: skip
    people(work, [9, 2, 5, 4])
    with work.writing() as connection:
        a_profile(
            connection,
            9,
            industry="47.11",
            employees=3,
            revenue=1999,
            share=0.25,
            since="2020-02-29",
            active=True,
            note="ä\n",
        )
        a_profile(connection, 2, employees=None, revenue=-5, other="dropped")
        a_profile(connection, 4)

    with work.reading() as connection:
        population = of(connection, *fields)
        for rows in (1, 3, 65_536):
            assert cells(population, "employees", rows) == {2: None, 4: None, 5: None, 9: 3}
        assert cells(population, "since")[9] == date(2020, 2, 29)
        assert cells(population, "revenue") == {2: -5, 4: None, 5: None, 9: 1999}
        assert [cells(population, key)[9] for key in ("industry", "share", "active", "note")] == [
            "47.11",
            0.25,
            True,
            "ä\n",
        ]
        assert "purchase_history" not in next(population.batches()).cells
        assert [batch.subjects.tolist() for batch in population.batches(3)] == [[2, 4, 5], [9]]


def test_subjects_far_apart_get_their_own_cells_too(work: Database) -> None:
    """Numbers need not be dense: those between are not even read."""
    people(work, [1, 10**6, 10**12, 2**62])
    with work.writing() as connection:
        for number in (1, 10**12, 2**62):
            a_profile(connection, number, employees=number % 1000)

    with work.reading() as connection:
        assert cells(of(connection, EMPLOYEES), "employees") == {1: 1, 10**6: None, 10**12: 0, 2**62: 2**62 % 1000}


def test_a_withheld_value_leaves_no_byte_in_the_batches(work: Database) -> None:
    """Article 21(1) GDPR: change the withheld value at the source and not one byte that comes out changes."""
    people(work, [1, 2, 3])
    sector = a_field("industry", FieldType.TEXT)
    with work.writing() as connection:
        for number in (1, 2, 3):
            a_profile(connection, number, employees=10 * number, industry="A")
        withholds(connection, 2, "employees")
        withholds(connection, 2, "industry", purpose="")

    seen = []
    for value in (7, 123_456_789):
        with work.writing() as connection:
            connection.execute(
                update(tables.profile).where(tables.profile.c.subject == 2),
                {"attributes": f'{{"employees": {value}, "industry": "{"x" * (value % 50)}"}}'},
            )
        with work.reading() as connection:
            population = of(connection, EMPLOYEES, sector)
            assert cells(population, "employees") == {1: 10, 2: None, 3: 30}
            assert population.withheld == {"employees": 1, "industry": 1}
            seen.append((bytes_of(population), population.digest()))
    assert seen[0] == seen[1]


def test_a_field_withheld_for_every_purpose_can_be_released_for_one(work: Database) -> None:
    """Article 7(3) GDPR: the narrower, later word counts where it was said."""
    people(work, [1, 2])
    with work.writing() as connection:
        for number in (1, 2):
            a_profile(connection, number, employees=5)
            withholds(connection, number, "employees", purpose="")
        withholds(connection, 2, "employees", released=1)

    with work.reading() as connection:
        assert cells(of(connection, EMPLOYEES), "employees") == {1: None, 2: 5}


def test_a_stale_value_counts_as_missing(work: Database) -> None:
    """Article 5(1)(d) GDPR, PRI-4: each value by its own date, the last day included."""
    ageing = a_field("employees", staleness="P12M")
    a_year_ago = TODAY - 365
    people(work, [1, 2, 3, 4])
    with work.writing() as connection:
        a_profile(connection, 1, employees=1, on=a_year_ago)
        a_profile(connection, 2, employees=2, on=a_year_ago - 1)
        a_profile(connection, 3, employees=3, on=a_year_ago - 1, observed={"employees": TODAY})
        a_profile(connection, 4, employees=4, on=TODAY, observed={"employees": a_year_ago - 1})

    with work.reading() as connection:
        assert cells(of(connection, ageing), "employees") == {1: 1, 2: None, 3: 3, 4: None}
        assert cells(of(connection, EMPLOYEES), "employees") == {1: 1, 2: 2, 3: 3, 4: 4}


def test_a_field_that_the_purpose_may_not_use_is_refused(work: Database) -> None:
    """Article 5(1)(b) GDPR, invariant 10."""
    people(work, [1])
    foreign = a_field("employees", purposes=frozenset({"sales_care"}))

    with work.reading() as connection:
        with pytest.raises(FieldNotForPurpose, match=r"employees .* newsletter; .* sales_care"):
            of(connection, foreign)
        with pytest.raises(FieldNotForPurpose):
            of(connection).activities(a_field("h", FieldType.ACTIVITIES, purposes=frozenset(), window="P1M"))


def test_the_digest_names_the_population(work: Database) -> None:
    """Another subject, purpose, instant or withheld field is another population; the same is the same."""
    people(work, [1, 2])

    def digest(**changes: Any) -> bytes:
        with work.reading() as connection:
            request = PopulationRequest(changes.get("purpose", INTERESTS), Unit.CONTACT, (EMPLOYEES,))
            return permitted(connection, request, now=changes.get("now", NOON)).digest()

    first = digest()
    assert first == digest()
    assert first != digest(now=NOON + DAY)
    assert first != digest(purpose=CONSENT)
    with work.writing() as connection:
        withholds(connection, 1, "employees")
    narrowed = digest()
    assert narrowed != first
    with work.writing() as connection:
        a_subject(connection, 3)
    assert digest() != narrowed


def test_orders_of_those_left_out_and_of_those_who_withhold_them_are_in_no_relation(work: Database) -> None:
    """Articles 6 and 21 GDPR: the relation holds permitted people's rows only, ordered by subject."""
    people(work, [3, 1, 2])
    with work.writing() as connection:
        a_subject(connection, 4, restricted_at=NOON)
        a_subject(connection, 5, informed_at=None)
        for number in (3, 1, 2, 4, 5, 6):
            an_order(connection, number, amount=number)
        withholds(connection, 2, "purchase_history")

    with work.reading() as connection:
        assert [(row["subject"], row["amount"], row["category"]) for row in rows_of(of(connection))] == [
            (1, 1, None),
            (3, 3, None),
        ]


def test_acts_outside_the_window_are_never_looked_at(work: Database) -> None:
    """Article 5(1)(e) GDPR, PRI-5: 24 months back to the day, and nothing dated in the future."""
    people(work, [1])
    first = TODAY - 730
    with work.writing() as connection:
        for day in (first - 1, first, TODAY, TODAY + 1):
            an_order(connection, 1, day)

    with work.reading() as connection:
        assert [row["day"] for row in rows_of(of(connection))] == [first, TODAY]


def test_a_withheld_category_is_null_and_the_order_still_counts(work: Database) -> None:
    """Article 21(1) GDPR: what was bought is another field than that something was bought."""
    people(work, [1, 2])
    with work.writing() as connection:
        an_order(connection, 1)
        an_order(connection, 2)
        withholds(connection, 2, "purchase_category")

    with work.reading() as connection:
        assert [(row["subject"], row["category"]) for row in rows_of(of(connection), CATEGORY)] == [
            (1, "paper"),
            (2, None),
        ]


def a_company(connection: Connection, number: int, *, natural: bool) -> None:
    a_subject(connection, number, unit="account", natural=natural)


def test_orders_that_a_contact_placed_count_for_the_company(work: Database) -> None:
    """Recital 14 GDPR: the orders are the company's; the contact's own objection takes out the contact alone."""
    people(work, [])
    with work.writing() as connection:
        a_company(connection, 100, natural=False)
        a_subject(connection, 1, account=100)
        a_subject(connection, 2, account=100, informed_at=None)
        a_subject(connection, 3, account=100, erased_at=NOON)
        a_subject(connection, 4, account=100, restricted_at=NOON)
        a_subject(connection, 5)
        for number in (1, 2, 3, 4, 5, 100):
            an_order(connection, number, amount=number)

    with work.reading() as connection:
        population = of(connection, unit=Unit.ACCOUNT)
        assert population.subjects.tolist() == [100]
        found = rows_of(population)
        assert {row["subject"] for row in found} == {100}
        assert sorted(row["amount"] for row in found) == [1, 2, 100]
        assert "owner" not in found[0]


def test_orders_of_a_sole_trader_need_the_permission_of_whoever_placed_them(work: Database) -> None:
    """Article 4(1) GDPR: behind a sole trader stands a person, and its contact may be the same one."""
    people(work, [])
    with work.writing() as connection:
        a_company(connection, 100, natural=True)
        a_subject(connection, 1, account=100)
        a_subject(connection, 2, account=100, informed_at=None)
        a_subject(connection, 3, account=100)
        withholds(connection, 3, "purchase_history")
        for number in (1, 2, 3, 100):
            an_order(connection, number, amount=number)
        withholds(connection, 1, "purchase_category")

    with work.reading() as connection:
        found = rows_of(of(connection, unit=Unit.ACCOUNT), CATEGORY)
        assert sorted((row["amount"], row["category"]) for row in found if row["category"]) == [(100, "paper")]
        assert sorted(row["amount"] for row in found) == [1, 100]


def test_a_population_can_be_read_again_and_sees_nothing_that_came_later(work: Database) -> None:
    """One snapshot: people and activities are of the same instant (OBJ-3)."""
    people(work, [1, 2])
    with work.writing() as connection:
        an_order(connection, 1)
        a_profile(connection, 1, employees=4)

    with work.reading() as reading:
        population = of(reading, EMPLOYEES)
        first = (cells(population, "employees"), rows_of(population))
        with work.writing() as connection:
            a_profile(connection, 2, employees=9)
            an_order(connection, 2)
            connection.execute(update(tables.subject), {"restricted_at": NOON})
        assert (cells(population, "employees"), rows_of(population)) == first


@pytest.mark.parametrize("table", ["standing", "objection", "subject", "withheld", "log_head"])
def test_a_missing_table_lets_nobody_through(work: Database, table: str) -> None:
    """PRI-10: what cannot be read is a no, never an empty set of objections."""
    people(work, [1])
    with work.writing() as connection:
        connection.execute(text(f'DROP TABLE "{table}"'))

    with work.reading() as connection, pytest.raises(PermissionUnavailable):
        of(connection, EMPLOYEES)


def test_an_unknown_consent_state_lets_nobody_through(work: Database) -> None:
    """PRI-10, T15: a word that is not in the vocabulary is never taken for a yes; on no basis, for nobody."""
    people(work, [1, 2])
    row = {
        "purpose": "newsletter",
        "subject": 1,
        "state": "givn",
        "objected": 0,
        "channels": 0,
        "channels_denied": 0,
        "seq": 1,
    }
    with work.writing() as connection:
        connection.execute(insert(standing), row)

    with work.reading() as connection:
        for purpose in (INTERESTS, CONSENT):
            with pytest.raises(PermissionUnavailable):
                of(connection, purpose=purpose)
            with pytest.raises(PermissionUnavailable):
                lawful(connection, np.array([1, 2]), purpose, now=NOON)


@pytest.mark.parametrize(
    "attributes",
    ["", "{", "[]", "{}{}", '{"employees": "CANARY"}', '{"employees": 1.5}', '{"employees": 1}\n{"employees": 2}'],
)
def test_an_unreadable_profile_stops_the_population_and_shows_no_value(work: Database, attributes: str) -> None:
    """PRI-10 and Article 5(1)(f) GDPR: no guess, and no value in the message."""
    people(work, [1, 2])
    with work.writing() as connection:
        a_profile(connection, 2, employees=1)
        a_profile(connection, 1)
        connection.execute(update(tables.profile).where(tables.profile.c.subject == 1), {"attributes": attributes})

    with work.reading() as connection, pytest.raises(PermissionUnavailable) as refusal:
        list(of(connection, EMPLOYEES).batches())
    assert "CANARY" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_the_block_list_is_asked_and_has_the_last_word(work: Database) -> None:
    """OBJ-6: the power to see an address is handed in; an address that is blocked is not used."""
    people(work, [1, 2, 3])
    post = a_purpose(LegalBasis.LEGITIMATE_INTERESTS, channels=frozenset({Channel.POST}), marketing=True)

    with work.reading() as connection:
        found = lawful(
            connection,
            np.array([3, 1, 3, 2]),
            post,
            now=NOON,
            channel=Channel.POST,
            blocked=lambda ids: [i == 3 for i in ids],
        )
    assert found.tolist() == [False, True, False, True]


def test_the_watermark_is_the_size_of_the_log_in_the_snapshot(work: Database) -> None:
    """Design 7: what is declared later has this index or a higher one."""
    people(work, [1])

    with work.reading() as connection:
        assert of(connection).watermark == log.size(connection) == 0
