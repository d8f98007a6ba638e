"""Every row of a mailing carries the link that ends it, and nobody can lay two files side by side by it (OBJ-7)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.wiring import House
from api.workflows import export_requests, unsubscribing
from api.workflows.export_requests import known, parsed
from governance.vocabulary import Channel
from segmentation.export import UNSUBSCRIBE_COLUMN, render
from tests.api.test_exports import MARKETING, PSEUDONYMOUS, a_request, built, downloaded, rows_of
from tests.small_world import NOON, RULES, a_small_world, run_scheme

LINK = re.compile(r"http://127\.0\.0\.1:8080/u/([A-Za-z0-9_-]{60,200})")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = a_small_world(tmp_path)
    run_scheme(made, RULES)
    yield made
    made.close()


def test_each_link_names_its_own_person_the_purpose_and_the_channel(house: House) -> None:
    """The file holds enough for both header fields of RFC 8058."""
    rows = rows_of(downloaded(house, built(house)))

    for row in rows:
        found = LINK.fullmatch(row[UNSUBSCRIBE_COLUMN])
        assert found
        aim = unsubscribing.read_token(house, found[1])
        assert aim is not None
        assert (aim.purpose, aim.channel) == ("personalised_offers", Channel.EMAIL)
        (identity,) = house.vault.reveal([aim.pseudonym])
        assert identity is not None
        assert identity.details["email"] == row["E-Mail"]
    assert len({row[UNSUBSCRIBE_COLUMN] for row in rows}) == len(rows) == 30


def test_the_links_are_the_same_at_the_build_and_at_every_download(house: House) -> None:
    """The manifest's hash holds: nothing in the file is drawn anew (XPT-2)."""
    number = built(house)
    first, second = downloaded(house, number), downloaded(house, number)

    manifest = export_requests.export_of(house, number).manifest
    assert manifest is not None
    assert first.sha256 == second.sha256 == manifest["sha256"]


def test_two_files_share_no_link(house: House) -> None:
    """Neither two recipients nor one recipient twice can join people by it (PSE-3)."""
    one, two = (rows_of(downloaded(house, built(house))) for _ in range(2))

    assert not {row[UNSUBSCRIBE_COLUMN] for row in one} & {row[UNSUBSCRIBE_COLUMN] for row in two}


def test_a_click_on_a_link_of_a_delivered_file_ends_the_mails(house: House) -> None:
    """What the recipient printed into the mail works against this house, long after the file left."""
    number = built(house)
    row = rows_of(downloaded(house, number))[0]
    unsubscribing.unsubscribe(house, row[UNSUBSCRIBE_COLUMN].rpartition("/")[2], now=NOON)

    left = {each["E-Mail"] for each in rows_of(downloaded(house, built(house)))}
    assert row["E-Mail"] not in left
    assert len(left) == 29


@pytest.mark.parametrize(
    "changes",
    [PSEUDONYMOUS, {"channel": "post", "fields": ["contact.given_name", "contact.street", "contact.city"]}],
    ids=["pseudonyms", "letters"],
)
def test_other_files_carry_no_links(house: House, changes: dict[str, object]) -> None:
    """A link names a person to us: it leaves only where a mail is written."""
    number = export_requests.request(house, a_request(**changes), actor=MARKETING, now=NOON).number
    with house.work.reading() as connection:
        asked = parsed(house, known(connection, number), NOON)

    assert not asked.carries_links
    assert UNSUBSCRIBE_COLUMN not in "".join(piece.decode() for piece in render(asked, []).pieces)
