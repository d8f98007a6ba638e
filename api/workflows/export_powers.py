"""What an export may ask of the rest of the house: names in batches, whether an address is blocked, links to stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from api.workflows.blocking import KIND_OF
from api.workflows.unsubscribing import unsubscribe_urls
from governance.contact_points import postal_line
from governance.vocabulary import Channel
from segmentation import store_exports
from segmentation.export_build import Powers
from segmentation.export_request import REACHED_BY

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House
    from governance.purposes import Purpose
    from segmentation.export import Details, Person


def powers_of(house: House) -> Powers:
    """The vault and the block list of this house, as functions."""

    def reveal(subjects: Sequence[int]) -> list[Details | None]:
        with house.work.reading() as connection:
            pseudonyms = store_exports.pseudonyms_of(connection, subjects)
        known = [subject for subject in subjects if subject in pseudonyms]
        found = dict(zip(known, house.vault.reveal([pseudonyms[subject] for subject in known]), strict=True))
        identities = [found.get(subject) for subject in subjects]
        return [None if identity is None else identity.details for identity in identities]

    def blocked(connection: Connection, purpose: Purpose, channel: Channel, details: Sequence[Details]) -> list[bool]:
        values = [address_of(channel, one) for one in details]
        kind, key = KIND_OF[channel], purpose.key
        return house.blocklist.blocked(connection, kind, values, purpose=key, everywhere=purpose.marketing)

    def links(purpose: Purpose, channel: Channel, people: Sequence[Person]) -> list[str]:
        with house.work.reading() as connection:
            pseudonyms = store_exports.pseudonyms_of(connection, [person.subject for person in people])
        rows = [(pseudonyms[person.subject], person.pseudonym) for person in people]
        return unsubscribe_urls(house, rows, purpose.key, channel)

    return Powers(reveal, blocked, links)


def address_of(channel: Channel, details: Details) -> str:
    """The address that the channel uses."""
    return postal_line(details) if channel is Channel.POST else details[REACHED_BY[channel]]
