"""Consents from a file and from the desk: what counts, what is unknown, and what no import ever does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.wiring import House
from api.workflows.consents import ConsentImport, Said, declare_for, import_consents, restrict_for, show_subject
from api.workflows.projections import rebuild
from audit import log
from audit.errors import BadInput, NotFound
from consent.errors import MayNotRaise
from consent.permission import decide_one
from governance.identity import Identity
from governance.vocabulary import OPERATOR, Act, Channel, Reason, Scope, Source, Unit
from tests.builders import NOON, a_house
from tests.consent.builders import DAY, a_subject

HEAD = "Kundennr;Zweck;Kanal;Antwort;Datum;Nachweis;Fassung"
COMPLETE = "K-1;newsletter;E-Mail;ja;01.02.2026;Messe Köln;1"


@pytest.fixture
def house(tmp_path: Path, database_url: str) -> Iterator[House]:
    """A home with three contacts: K-1, K-2, K-3."""
    made = a_house(tmp_path / "home", database_url)
    handles = {f"K-{n}": n.to_bytes(16, "big") for n in (1, 2, 3)}
    made.vault.store([(handle, Identity(Unit.CONTACT, reference, {})) for reference, handle in handles.items()])
    with made.work.writing() as connection:
        for number in (1, 2, 3):
            a_subject(connection, number, informed_at=NOON - 90 * DAY)
    yield made
    made.close()


def take_in(
    house: House, folder: Path, *rows: str, mapping: str | None = None, head: str = HEAD, **more: Any
) -> ConsentImport:
    file = folder / "consents.csv"
    file.write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    return import_consents(house, file, mapping, actor=OPERATOR, now=more.pop("now", NOON), **more)


def reason(house: House, number: int, purpose: str = "newsletter", channel: Channel | None = None) -> Reason:
    with house.work.reading() as connection:
        return decide_one(connection, number, house.catalogue.purposes[purpose], now=NOON, channel=channel).reason


def log_size(house: House) -> int:
    with house.work.reading() as connection:
        return log.size(connection)


def test_a_yes_with_everything_the_law_asks_for_is_a_consent(house: House, tmp_path: Path) -> None:
    """CON-12, Article 7(1) GDPR: source, date, notice and channel; the evidence lies sealed."""
    result = take_in(house, tmp_path, COMPLETE)

    assert (result.given, result.notes) == (1, ())
    assert reason(house, 1, channel=Channel.EMAIL) is Reason.CONSENT_GIVEN
    with house.work.reading() as connection:
        row = connection.exec_driver_sql("SELECT evidence, notice FROM declaration").one()
    opened = house.vault.open_evidence([((1).to_bytes(16, "big"), bytes(row.evidence))])[0]
    assert json.loads(opened or b"")["evidence"] == "Messe Köln"
    assert b"Messe" not in bytes(row.evidence)


@pytest.mark.parametrize(
    ("row", "column", "why"),
    [
        ("K-1;newsletter;email;ja;01.02.2026;;1", "evidence", "evidence_missing"),
        ("K-1;newsletter;email;ja;;Messe;1", "date", "date_missing"),
        ("K-1;newsletter;email;ja;01.02.2026;Messe;", "notice", "notice_missing"),
        ("K-1;newsletter;;ja;01.02.2026;Messe;1", "channel", "channel_missing"),
    ],
)
def test_a_yes_without_its_evidence_is_unknown_and_says_how_to_mend_it(
    house: House, tmp_path: Path, row: str, column: str, why: str
) -> None:
    """CON-12: counted, listed, and no for a consent purpose."""
    result = take_in(house, tmp_path, row)

    assert (result.given, result.unknown) == (0, 1)
    assert [(note.row, note.column, note.reason) for note in result.notes] == [(2, column, why)]
    assert result.to_json()["notes"][0]["mend"]["en"].endswith("which is a no.")
    assert reason(house, 1) is Reason.CONSENT_UNKNOWN


def test_no_import_turns_a_no_into_a_yes(house: House, tmp_path: Path) -> None:
    """OBJ-10: neither a refusal of the purpose nor an objection to all marketing; both are listed."""
    declare_for(house, "K-1", Said(Act.WITHDRAWN, purpose="newsletter"), actor=OPERATOR, now=NOON - DAY)
    declare_for(house, "K-2", Said(Act.OBJECTED, Scope.MARKETING), actor=OPERATOR, now=NOON - DAY)
    rows = (COMPLETE, COMPLETE.replace("K-1", "K-2"), COMPLETE.replace("K-1", "K-3"))

    result = take_in(house, tmp_path, *rows)

    assert (result.given, result.refused) == (1, 2)
    assert {note.reason for note in result.notes} == {"denied_before"}
    assert reason(house, 1) is Reason.CONSENT_WITHDRAWN
    assert reason(house, 2) is Reason.OBJECTED_TO_MARKETING
    assert reason(house, 3) is Reason.CONSENT_GIVEN


@pytest.mark.parametrize(
    ("answer", "expected"), [("nein", "consent_refused"), ("opt-out", "consent_withdrawn"), ("Widerspruch", "objected")]
)
def test_a_no_needs_no_evidence_and_no_date(house: House, tmp_path: Path, answer: str, expected: str) -> None:
    """Articles 7(3) and 21 GDPR: a no is a no."""
    take_in(house, tmp_path, f"K-1;newsletter;;{answer};;;")

    assert reason(house, 1).value == expected


def test_an_objection_to_all_advertising_can_be_imported_and_never_lifted(house: House, tmp_path: Path) -> None:
    """Article 21(2) GDPR: a list of those who want no advertising is honoured; a yes to all of it means nothing."""
    take_in(house, tmp_path, "K-1;Werbung;;nein;;;", "K-2;marketing;;ja;;;")

    assert reason(house, 1, "sales_care") is Reason.OBJECTED_TO_MARKETING
    assert reason(house, 2, "sales_care") is Reason.INTERESTS_PREVAIL


def test_the_same_file_again_changes_nothing(house: House, tmp_path: Path) -> None:
    """OBJ-10: whatever has a date or not, today's rows included; not one entry more in the log."""
    rows = (
        COMPLETE,
        "K-2;newsletter;email;nein;;;",
        "K-2;newsletter;;nein;22.11.2026;;",
        "K-3;newsletter;email;ja;;;",
        "K-3;werbung;;nein;;;",
        "K-3;sales_care;;nein;01.01.2026;;",
    )
    first = take_in(house, tmp_path, *rows)
    size = log_size(house)
    again = take_in(house, tmp_path, *rows, now=NOON + DAY)

    assert (first.given, first.denied, first.unknown) == (1, 4, 1)
    assert (again.given, again.denied, again.unknown, again.unchanged) == (0, 0, 0, 6)
    assert log_size(house) == size
    assert again.number is None or again.number != first.number


def test_a_dry_run_says_the_same_and_leaves_nothing(house: House, tmp_path: Path) -> None:
    """Article 5(1)(c) GDPR."""
    rows = (COMPLETE, COMPLETE, "K-2;newsletter;email;nein;;;", "K-9;newsletter;email;nein;;;")
    dry = take_in(house, tmp_path, *rows, dry_run=True)
    assert log_size(house) == 0
    with house.work.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM declaration").scalar_one() == 0

    real = take_in(house, tmp_path, *rows)
    for name in ("given", "denied", "unchanged", "failed"):
        assert getattr(dry, name) == getattr(real, name)
    assert (real.given, real.denied, real.unchanged, real.failed) == (1, 1, 1, 1)


def test_rows_that_cannot_be_taken_are_listed_without_their_values(house: House, tmp_path: Path) -> None:
    """Article 5(1)(f) GDPR: row, column, reason and how to mend it; the counts add up."""
    rows = (
        "CANARY;newsletter;email;ja;01.02.2026;Messe;1",
        ";newsletter;email;ja;01.02.2026;Messe;1",
        "K-1;CANARY;email;ja;01.02.2026;Messe;1",
        "K-1;newsletter;CANARY;ja;01.02.2026;Messe;1",
        "K-1;newsletter;email;CANARY;01.02.2026;Messe;1",
        "K-1;newsletter;email;ja;CANARY;Messe;1",
        "K-1;newsletter;email;ja;01.02.2030;Messe;1",
        "K-1;newsletter",
        COMPLETE,
    )
    result = take_in(house, tmp_path, *rows)

    assert [(note.row, note.column, note.reason.value) for note in result.notes] == [
        (2, "reference", "person_unknown"),
        (3, "reference", "reference_missing"),
        (4, "purpose", "purpose_unknown"),
        (5, "channel", "channel_unknown"),
        (6, "answer", "answer_unknown"),
        (7, "date", "date_not_read"),
        (8, "date", "date_in_future"),
        (9, "", "row_spoiled"),
    ]
    assert (result.rows, result.failed, result.given) == (9, 8, 1)
    assert "CANARY" not in json.dumps(result.to_json())


def test_a_mapping_names_columns_constants_and_words(house: House, tmp_path: Path) -> None:
    """PRI-3: what it does not name is never kept."""
    mapping = """
    kind = "consents"
    [columns]
    reference = "id"
    answer = "nl"
    date = "seit"
    evidence = "wo"
    [constants]
    purpose = "newsletter"
    channel = "email"
    notice = "1"
    [values.answer]
    angemeldet = "yes"
    """
    result = take_in(
        house, tmp_path, "K-1;angemeldet;2026-02-01;Messe;CANARY", head="id;nl;seit;wo;frei", mapping=mapping
    )

    assert (result.given, result.dropped_columns) == (1, 1)
    assert reason(house, 1) is Reason.CONSENT_GIVEN


def test_every_mistake_of_a_mapping_is_named_with_its_path(house: House, tmp_path: Path) -> None:
    """BadInput with all of them at once."""
    with pytest.raises(BadInput) as refusal:
        take_in(
            house,
            tmp_path,
            COMPLETE,
            mapping='[columns]\nreference = "nix"\nfoo = "a"\n[options]\nunit = "x"\ndate_format = "y"\n',
        )
    for path in (
        "columns.reference",
        "columns.foo",
        "columns.purpose",
        "columns.answer",
        "options.unit",
        "options.date_format",
    ):
        assert path in str(refusal.value)


def test_the_desk_raises_only_with_evidence_of_the_persons_own_later_act(house: House) -> None:
    """Invariant 2: what the clerk says is not enough; the letter is."""
    declare_for(house, "K-1", Said(Act.OBJECTED, purpose="sales_care"), actor=OPERATOR, now=NOON - 2 * DAY)
    lifted = Said(Act.OBJECTION_LIFTED, purpose="sales_care")

    with pytest.raises(MayNotRaise):
        declare_for(house, "K-1", lifted, actor=OPERATOR, now=NOON)
    letter = Said(Act.OBJECTION_LIFTED, purpose="sales_care", evidence=b"letter 4711", evidence_said_at=NOON - DAY)
    assert declare_for(house, "K-1", letter, actor=OPERATOR, now=NOON).recorded == 1
    assert reason(house, 1, "sales_care") is Reason.INTERESTS_PREVAIL


def test_a_person_is_shown_without_a_name_and_the_view_is_recorded(house: House) -> None:
    """LOG-5, SEC: one view is one fact; nothing in the answer says who it is."""
    declare_for(house, "K-1", Said(Act.FIELD_WITHHELD, field="industry"), actor=OPERATOR, now=NOON)
    portal = Said(Act.GIVEN, purpose="newsletter", channel=Channel.EMAIL, source=Source.SUBJECT)
    declare_for(house, "K-1", portal, actor=OPERATOR, now=NOON)

    shown = show_subject(house, "K-1", actor=OPERATOR, now=NOON).to_json()

    purposes = {each["purpose"]: each for each in shown["purposes"]}
    assert purposes["newsletter"]["lawful"]
    assert purposes["newsletter"]["channels"] == {"email": True}
    assert shown["withheld"] == [{"purpose": None, "field": "industry", "withheld": True}]
    assert [each["act"] for each in shown["declarations"]] == ["field_withheld", "given"]
    assert "K-1" not in json.dumps(shown)
    with house.work.reading() as connection:
        assert log.entries(connection, subject=1)[0].kind == "subject:viewed"


def test_restriction_and_unknown_references(house: House) -> None:
    """Article 18 GDPR; and nobody learns more than that the reference is not kept."""
    assert restrict_for(house, "K-1", actor=OPERATOR, now=NOON).recorded == 1
    assert restrict_for(house, "K-1", actor=OPERATOR, now=NOON).repeated == 1
    assert reason(house, 1, "sales_care") is Reason.RESTRICTED
    for action in (restrict_for, show_subject):
        with pytest.raises(NotFound):
            action(house, "K-4711", actor=OPERATOR, now=NOON)
    with pytest.raises(NotFound):
        declare_for(house, "K-1", Said(Act.GIVEN, purpose="nonsense"), actor=OPERATOR, now=NOON)


def test_where_everybody_stands_can_be_computed_again(house: House) -> None:
    """Article 7(1) GDPR: an operator puts a damaged projection right, from what was declared alone."""
    declare_for(house, "K-1", Said(Act.GIVEN, purpose="newsletter", source=Source.SUBJECT), actor=OPERATOR, now=NOON)
    declare_for(house, "K-2", Said(Act.WITHDRAWN, purpose="newsletter"), actor=OPERATOR, now=NOON)
    with house.work.writing() as connection:
        connection.exec_driver_sql("UPDATE standing SET state = 'given', objected = 0")
    assert reason(house, 2) is Reason.CONSENT_GIVEN

    assert rebuild(house).to_json() == {"subjects": 2}
    assert (reason(house, 1), reason(house, 2)) == (Reason.CONSENT_GIVEN, Reason.CONSENT_WITHDRAWN)
