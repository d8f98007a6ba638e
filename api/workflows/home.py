"""Make a home and look after it: keys, databases, catalogue, and whether everything is sound."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy.exc import DBAPIError, OperationalError

from api.settings import Settings
from api.wiring import House, open_house
from api.workflows import watching, witnesses
from api.workflows.post_checks import mail_goes_out, nothing_given_up
from api.workflows.stores import current_version, migrate, newest_version
from audit import log
from audit.database import Database, open_database
from audit.errors import BadInput, LauterError, Unavailable
from audit.fact import Fact
from audit.verify import check_log
from governance import key_checks
from governance.catalogue import load_catalogue
from governance.errors import LogBehind
from governance.keys import KeyRole, load_keys
from governance.store_catalogue import latest_catalogue, record_catalogue

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from governance.vocabulary import Actor

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
STORES = ("work", "vault", "protected")


@dataclass(frozen=True)
class HomeMade:
    """What `lauter init` did; a second call makes nothing."""

    home: str
    made: tuple[str, ...]
    log_key: str
    """The log's verifier key: give it to whoever shall check proofs."""

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"home": self.home, "made": list(self.made), "log_key": self.log_key}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    sound: bool
    detail: str

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"name": self.name, "sound": self.sound, "detail": self.detail}


@dataclass(frozen=True)
class Diagnosis:
    """All checks of `lauter doctor`."""

    checks: tuple[Check, ...]

    @property
    def sound(self) -> bool:
        """Nothing needs mending."""
        return all(check.sound for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"sound": self.sound, "checks": [check.to_json() for check in self.checks]}


def make_home(settings: Settings, *, actor: Actor, now: datetime) -> HomeMade:
    """Make whatever of a home is missing; never overwrites a key or an edited catalogue.

    Raises:
        BadInput: the folder cannot be made, a key file is damaged, or the catalogue is invalid.
    """
    made = [*_make_folder(settings), *_make_catalogue(settings)]
    for store, url in _urls(settings).items():
        if _migrate(url, store):
            made.append(f"{store} database")
    made += _make_keys(settings, now)
    made += _close_files(settings)
    house = open_house(settings)
    try:
        with house.work.writing() as connection:
            log.initialise(connection)
        note_catalogue(house, actor=actor, now=now)
        return HomeMade(str(settings.home), tuple(made), house.signer.vkey)
    finally:
        house.close()


def note_catalogue(house: House, *, actor: Actor, now: datetime) -> None:
    """Record the catalogue and its notices when they changed since they were last in force (Article 30 GDPR)."""
    from consent.notices import register

    with house.work.reading() as connection:
        if latest_catalogue(connection) == house.catalogue.digest:
            return
    with house.work.writing() as connection:
        record_catalogue(connection, house.catalogue, now=now)
        register(connection, house.catalogue, now=now)
        log.append(connection, [Fact("catalogue:changed", str(actor), now, {"digest": house.catalogue.digest})])


def examine(settings: Settings, *, now: datetime | None = None) -> Diagnosis:
    """Look at keys, rights, databases, migrations, catalogue and log; sweep what a killed process left behind.

    Without *now* an erasure that is under way is told, not finished.
    """
    checks = [
        _check("folder", lambda: _folder_is_private(settings)),
        _check(
            "keys",
            lambda: f"{len(load_keys(settings.keys_folder).keys)} keys, each 32 bytes, readable by the owner only",
        ),
        _check("catalogue", lambda: _describe_catalogue(settings)),
        *(_check(f"{store} database", partial(_at_newest, url, store)) for store, url in _urls(settings).items()),
    ]
    if all(check.sound for check in checks):
        checks.append(_check("key values", lambda: _keys_belong_here(settings)))
    if all(check.sound for check in checks):
        checks += _inner_checks(settings, now)
    return Diagnosis(tuple(checks))


def _inner_checks(settings: Settings, now: datetime | None) -> Iterator[Check]:
    try:
        house = open_house(settings)
    except LogBehind as error:
        yield Check("log", False, str(error))
        return
    try:
        yield _check("notices", lambda: _notices_are_complete(house))
        yield _check("vault", lambda: _vault_fits(house))
        yield _check("runs", lambda: _swept(house))
        yield _check("erasures", lambda: _erasures_finished(house, now))
        yield _check("mail", lambda: mail_goes_out(house))
        yield _check("outbox", lambda: nothing_given_up(house))
        yield _check("log", lambda: _log_is_sound(house))
        if now is not None:
            yield _check("monitor", lambda: watching.is_watched(house, now=now))
            yield _check("witnesses", lambda: witnesses.are_heard(house, now=now))
    finally:
        house.close()


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except LauterError as error:
        return Check(name, False, str(error))
    except (DBAPIError, sqlite3.Error, psycopg.Error):
        return Check(name, False, "cannot be read: it is busy, damaged or no database")


def _make_folder(settings: Settings) -> list[str]:
    if settings.home.is_dir():
        return []
    try:
        settings.home.mkdir(parents=True, mode=PRIVATE_FOLDER)
    except OSError:
        raise BadInput(f"{settings.home}: the home folder cannot be made; choose another with --home") from None
    return ["folder"]


def _make_keys(settings: Settings, now: datetime) -> list[str]:
    with _opened(settings.database_url) as work, work.writing() as connection:
        _, new = key_checks.settle(connection, settings.keys_folder, now=now)
    return ["keys"] if len(new) == len(KeyRole) else [f"{role.value} key" for role in new]


def _close_files(settings: Settings) -> list[str]:
    """Take from others what an older version or a copy gave them on the databases."""
    open_files = list(_open_to_others(settings))
    for path in open_files:
        path.chmod(PRIVATE_FILE)
    return [f"rights of {path.name}" for path in open_files]


def _open_to_others(settings: Settings) -> Iterator[Path]:
    if os.name == "posix":
        found = sorted(settings.home.glob("*.db*"))
        yield from (path for path in found if stat.S_IMODE(path.stat().st_mode) & ~PRIVATE_FILE)


def _make_catalogue(settings: Settings) -> list[str]:
    if settings.catalogue_path.exists():
        return []
    text = resources.files("governance").joinpath("purposes.toml").read_text(encoding="utf-8")
    settings.catalogue_path.write_text(text, encoding="utf-8")
    return ["catalogue"]


def _urls(settings: Settings) -> dict[str, str]:
    return {"work": settings.database_url, "vault": settings.vault_url, "protected": settings.protected_url}


def _migrate(url: str, store: str) -> bool:
    with _opened(url) as database:
        before = current_version(database, store)
        migrate(database, store)
        return before != current_version(database, store)


def _folder_is_private(settings: Settings) -> str:
    if not settings.home.is_dir():
        raise BadInput(f"{settings.home}: there is no home here; make one with `lauter init`")
    if os.name == "posix" and stat.S_IMODE(settings.home.stat().st_mode) & 0o007:
        raise BadInput(f"{settings.home}: other users of this machine can look in; run `chmod 700` on it")
    for path in _open_to_others(settings):
        raise BadInput(f"{path.name}: others may read it; run `lauter init`, or `chmod 600` on it")
    return "only its owner can look in"


def _keys_belong_here(settings: Settings) -> str:
    with _opened(settings.database_url) as work, work.reading() as connection:
        key_checks.verify(connection, load_keys(settings.keys_folder))
    return "each file holds the key that this house uses"


def _describe_catalogue(settings: Settings) -> str:
    catalogue = load_catalogue(settings.catalogue_path)
    return f"{len(catalogue.purposes)} purposes, {len(catalogue.fields)} fields"


def _at_newest(url: str, store: str) -> str:
    with _opened(url) as database:
        found, wanted = current_version(database, store), newest_version(store)
    if found != wanted:
        raise BadInput(f"{store} database is at version {found or 'none'}, this code needs {wanted}; run `lauter init`")
    return f"reachable, version {found}"


def _notices_are_complete(house: House) -> str:
    from consent.notices import missing_items, unversioned

    lacking = {key: missing_items(purpose) for key, purpose in house.catalogue.purposes.items()}
    findings = [f"{key}: does not say {', '.join(items)}" for key, items in lacking.items() if items]
    with house.work.reading() as connection:
        changed = unversioned(connection, house.catalogue)
    findings += [f"{key}: other words under the version of an earlier text; give it a new one" for key in changed]
    if findings:
        raise BadInput("; ".join(findings) + " (catalogue.toml, [purpose.notice])")
    return f"{len(lacking)} notices say all that Articles 13 and 14 ask for, in both languages"


def _vault_fits(house: House) -> str:
    findings = house.vault.check()
    if findings:
        raise BadInput("; ".join(findings))
    return "every key opens what it sealed"


def _swept(house: House) -> str:
    from segmentation.run import sweep

    with house.work.writing() as connection:
        count = sweep(connection)
    return "nothing half-written" if not count else f"{count} run(s) that never got published were swept"


def _erasures_finished(house: House, now: datetime | None) -> str:
    from api.workflows import erasing
    from governance.store_erasure import under_way

    with house.work.reading() as connection:
        waiting = len(under_way(connection))
    if now is None and waiting:
        raise BadInput(f"{waiting} under way; `lauter worker --once` finishes them")
    finished = 0 if now is None else erasing.sweep(house, now=now)
    return f"{finished} that a killed process left were finished" if finished else "none left half-done"


def _log_is_sound(house: House) -> str:
    from api.workflows.log import former_keys
    from audit.errors import Broken

    with house.work.reading() as connection:
        report = check_log(connection, verifier=house.signer.verifier, former=former_keys(connection, house))
    if not report.ok:
        raise Broken(f"{len(report.findings)} finding(s); run `lauter audit verify --deep`")
    return f"{report.size} entries, every hash fits"


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = open_database(url)
    try:
        yield database
    except OperationalError:
        raise Unavailable("the database cannot be reached; check that it runs and that its URL is right") from None
    finally:
        database.close()
