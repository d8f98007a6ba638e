"""One place that puts the rooms together, for the web, the command line and the worker alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError

from api.links import Links
from api.settings import Settings
from audit.checkpoint import LogSigner
from audit.database import Database, open_database
from audit.errors import LauterError, Unavailable
from governance import key_checks
from governance.addresses import Addresses
from governance.blocklist import BlockList
from governance.catalogue import Catalogue, load_catalogue
from governance.keys import KeyRing, KeyRole, load_keys
from governance.protected import ProtectedStore
from governance.vault import Vault


@dataclass(frozen=True)
class House:
    """Everything a workflow may use; the power to name a person is only here, and is passed down in batches."""

    settings: Settings
    work: Database
    vault: Vault
    addresses: Addresses
    protected: ProtectedStore
    blocklist: BlockList
    keys: KeyRing
    catalogue: Catalogue
    signer: LogSigner
    links: Links

    def today(self, now: datetime) -> date:
        """The date of an instant where the controller is: days begin and end there, not in Greenwich."""
        return now.astimezone(ZoneInfo(self.catalogue.controller.time_zone)).date()

    def close(self) -> None:
        """Give all connections back."""
        self.work.close()
        self.vault.database.close()
        self.protected.database.close()


def open_house(settings: Settings) -> House:
    """Open an existing home.

    Raises:
        BadInput: the home, a key or the catalogue is missing or invalid, or a key is not this house's; says how to
            mend it.
        Unavailable: the work database cannot be asked.
    """
    keys = load_keys(settings.keys_folder)
    catalogue = load_catalogue(settings.catalogue_path)
    work = open_database(settings.database_url)
    try:
        _verify_keys(work, keys)
    except LauterError:
        work.close()
        raise
    vault_database = open_database(settings.vault_url)
    return House(
        settings=settings,
        work=work,
        vault=Vault(vault_database, keys),
        addresses=Addresses(vault_database, keys),
        protected=ProtectedStore(open_database(settings.protected_url), keys.current(KeyRole.PROTECTED)),
        blocklist=BlockList(keys),
        keys=keys,
        catalogue=catalogue,
        signer=LogSigner(settings.origin, keys.current(KeyRole.LOG).secret),
        links=Links(keys),
    )


def _verify_keys(work: Database, keys: KeyRing) -> None:
    try:
        with work.reading() as connection:
            key_checks.verify(connection, keys)
    except DBAPIError:
        raise Unavailable(
            "the work database cannot be asked which keys belong to it; check that it runs, or run `lauter init`"
        ) from None
