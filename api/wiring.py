"""One place that puts the rooms together, for the web, the command line and the worker alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy.exc import DBAPIError

from api.links import Links
from api.settings import Settings
from audit import log, log_keys
from audit.checkpoint import LogSigner
from audit.database import Database, open_database
from audit.errors import BadInput, Broken, LauterError, Unavailable
from governance import key_checks
from governance.addresses import Addresses
from governance.blocklist import BlockList
from governance.catalogue import Catalogue, load_catalogue
from governance.errors import LogBehind
from governance.journal import Journal
from governance.keys import KeyRing, KeyRole, load_keys
from governance.protected import ProtectedStore
from governance.retained import Retained
from governance.vault import Vault

if TYPE_CHECKING:
    from governance.rights import HoldsSubjectData


class LogSigners:
    """The signer of a process that lives longer than a key: after a rotation elsewhere it signs with the new key too,
    and with a retired one never again (LOG-10). Listing one folder is all that a signature costs more.
    """

    def __init__(self, settings: Settings, keys: KeyRing) -> None:
        self._settings = settings
        self._files = log_files(settings)
        self._signer = log_signer(settings, keys)

    def current(self, work: Database) -> LogSigner:
        """The signer of the keys that lie in the folder and belong to this house.

        A key whose rotation is not committed yet does not count, so that nothing is signed by a key nobody noted.
        """
        files = log_files(self._settings)
        if files != self._files:
            try:
                keys = load_keys(self._settings.keys_folder)
                with work.reading() as connection:
                    key_checks.verify(connection, keys)
            except LauterError:
                self._check_none_retired(work)
                return self._signer
            self._signer, self._files = log_signer(self._settings, keys), files
        return self._signer

    def _check_none_retired(self, work: Database) -> None:
        """The keys in the folder cannot be used just now; those in memory can, unless one was retired meanwhile.

        Raises:
            Broken: nothing may be signed until the folder is in order.
        """
        with work.reading() as connection:
            retired = {row.vkey for row in log_keys.known(connection) if row.retired_at is not None}
        if retired & set(self._signer.vkeys):
            raise Broken("a key of the log was retired, and the keys in the folder cannot be read; run `lauter doctor`")


def log_files(settings: Settings) -> frozenset[str]:
    """Names of the log's key files in the home."""
    return frozenset(path.name for path in settings.keys_folder.glob(f"{KeyRole.LOG.value}-*"))


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
    signers: LogSigners
    links: Links
    journal: Journal
    retained: Retained

    @property
    def signer(self) -> LogSigner:
        """Signs with every key of the log that is here now, the newest first."""
        return self.signers.current(self.work)

    @property
    def holders(self) -> tuple[HoldsSubjectData, ...]:
        """Every room of the work database that holds data about people (Chapter III GDPR)."""
        from audit.store_subjects import LogSubjects
        from consent.store_erasure import Consents
        from governance.store_erasure import People
        from segmentation.store_erasure import Segments

        return (People(), Consents(), Segments(), LogSubjects())

    def today(self, now: datetime) -> date:
        """The date of an instant where the controller is: days begin and end there, not in Greenwich."""
        return now.astimezone(ZoneInfo(self.catalogue.controller.time_zone)).date()

    def close(self) -> None:
        """Give all connections back."""
        self.work.close()
        self.vault.database.close()
        self.protected.database.close()


def open_house(settings: Settings, *, restoring: bool = False) -> House:
    """Open an existing home.

    Args:
        settings: where it lies.
        restoring: also when its log is older than a tree head that was signed: for `lauter restore` alone.

    Raises:
        BadInput: the home, a key or the catalogue is missing or invalid, or a key is not this house's; says how to
            mend it.
        LogBehind: the work database is an older copy, and nobody declared that it was restored.
        Unavailable: the work database cannot be asked.
    """
    if not restoring and settings.restoring_mark.exists():
        raise BadInput("a restore was interrupted here: empty the home and the databases and restore again")
    keys = load_keys(settings.keys_folder)
    catalogue = load_catalogue(settings.catalogue_path)
    work, journal = open_database(settings.database_url), Journal(settings.journal_path)
    try:
        _verify_keys(work, keys)
        if not restoring:
            _verify_head(work, journal)
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
        signers=LogSigners(settings, keys),
        links=Links(keys),
        journal=journal,
        retained=Retained(vault_database, keys),
    )


def log_signer(settings: Settings, keys: KeyRing) -> LogSigner:
    """Signs with every log key whose file is here, the newest first (LOG-10)."""
    current, *former = (key.secret for key in keys.all(KeyRole.LOG))
    return LogSigner(settings.origin, current, tuple(former))


def _verify_keys(work: Database, keys: KeyRing) -> None:
    try:
        with work.reading() as connection:
            key_checks.verify(connection, keys)
    except DBAPIError:
        raise Unavailable(
            "the work database cannot be asked which keys belong to it; check that it runs, or run `lauter init`"
        ) from None


def _verify_head(work: Database, journal: Journal) -> None:
    """Refuse to go on with a log that is shorter or other than one that was signed: it would fork."""
    head = journal.head()
    if head is None:
        return
    with work.reading() as connection:
        size = log.size(connection)
        same = size >= head.size and log.root(connection, head.size) == head.root
    if not same:
        raise LogBehind(size, head.size)
