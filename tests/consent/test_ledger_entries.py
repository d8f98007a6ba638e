"""What points from a declaration to the log, and how a reader knows that nothing was declared since."""

from __future__ import annotations

from audit import log
from audit.database import Database
from consent import ledger
from consent.ledger import Entry, bulk_declare
from governance.vocabulary import OPERATOR, Act, Channel, Scope, Source
from tests.consent.builders import NOON, objected_to, people, said
from tests.consent.test_ledger import record


def test_each_declaration_leads_to_its_entry_in_the_log(work: Database) -> None:
    """Article 7(1) GDPR: the proof of one declaration is found by its number, single or imported."""
    people(work, [1, 2])
    record(work, 1, said(Act.GIVEN, channel=Channel.EMAIL), said(Act.GIVEN, channel=Channel.PHONE))
    imported = [Entry(n, said(Act.REFUSED, purpose="care", source=Source.IMPORT)) for n in (1, 2)]
    with work.writing() as connection:
        bulk_declare(connection, imported, batch=1, actor=OPERATOR, now=NOON)
    record(work, 2, objected_to(Scope.GENERAL, NOON))

    with work.reading() as connection:
        found = {
            row.seq: ledger.entry_of(connection, row.seq) for n in (1, 2) for row in ledger.recorded(connection, n)
        }
        kinds = {seq: log.entry(connection, index or 0).kind for seq, index in found.items()}
        assert found == {1: 0, 2: 1, 3: 2, 4: 2, 5: 3}
        assert kinds[4] == "consents:imported"
        assert ledger.entries_of(connection, [5, 1, 9]) == {1: 0, 5: 3}
        assert ledger.entry_of(connection, 9) is None


def test_a_declaration_is_found_among_many_views_of_the_same_person(work: Database) -> None:
    """LOG-13: however often somebody was looked at."""
    people(work, [1])
    record(work, 1, said(Act.GIVEN))
    for n in range(1, 4):
        record(work, 1, *(said(Act.GIVEN, purpose=f"p{n}_{m}") for m in range(100)))

    with work.reading() as connection:
        assert ledger.entry_of(connection, 1) == 0
        assert ledger.entry_of(connection, 301) == 300


def test_the_version_of_what_somebody_declared_changes_with_each_word_and_with_nothing_else(work: Database) -> None:
    """RFC 9110, section 13: an If-Match that was read before another word of the same person does not match."""
    people(work, [1, 2])
    with work.reading() as connection:
        assert ledger.version_of(connection, 1) == 0
        assert ledger.recorded(connection, 1) == []
    record(work, 1, said(Act.GIVEN, has_evidence=True))
    record(work, 2, said(Act.GIVEN))
    record(work, 1, said(Act.GIVEN, has_evidence=True))  # a repetition
    with work.reading() as connection:
        assert [ledger.version_of(connection, n) for n in (1, 2)] == [1, 2]
    record(work, 1, said(Act.WITHDRAWN, NOON))
    with work.reading() as connection:
        assert ledger.version_of(connection, 1) == 3
        assert [row.seq for row in ledger.recorded(connection, 1)] == [1, 3]
        assert ledger.recorded(connection, 1)[-1].declaration.act is Act.WITHDRAWN
