"""What an export may ask of the rest of the house: names in batches, and whether an address is blocked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from governance.vocabulary import Channel
from segmentation import store_exports
from segmentation.export_build import Powers

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from api.wiring import House
    from governance.blocklist import Kind
    from segmentation.export import Details

BLOCKED_AS: dict[Channel, Kind | None] = {
    Channel.EMAIL: "email",
    Channel.PHONE: "phone",
    Channel.SMS: "phone",
    Channel.POST: None,
}
"""Which kind of address the block list knows for a channel; post is stopped by objection alone."""


def powers_of(house: House) -> Powers:
    """The vault and the block list of this house, as functions."""

    def reveal(subjects: Sequence[int]) -> list[Details | None]:
        with house.work.reading() as connection:
            pseudonyms = store_exports.pseudonyms_of(connection, subjects)
        known = [subject for subject in subjects if subject in pseudonyms]
        found = dict(zip(known, house.vault.reveal([pseudonyms[subject] for subject in known]), strict=True))
        identities = [found.get(subject) for subject in subjects]
        return [None if identity is None else identity.details for identity in identities]

    def blocked(connection: Connection, channel: Channel, details: Sequence[Details]) -> list[bool]:
        kind = BLOCKED_AS[channel]
        if kind is None:
            return [False] * len(details)
        return house.blocklist.blocked(connection, kind, [one[kind] for one in details])

    return Powers(reveal, blocked)
