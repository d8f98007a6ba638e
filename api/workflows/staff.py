"""Staff accounts and API tokens: each change is a fact, and the fact names a handle, never a person (LOG-14)."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from audit import log
from audit.errors import NotFound
from audit.fact import Fact
from governance import staff
from governance.staff import Scope, StaffMember, TokenGiven

if TYPE_CHECKING:
    from datetime import datetime

    from api.wiring import House
    from governance.vocabulary import Actor, Role


def add_member(house: House, name: str, role: Role, password: str, *, actor: Actor, now: datetime) -> StaffMember:
    """Let somebody sign in, in one role for good.

    Raises:
        RoleConflict, PasswordTooWeak: see `governance.staff`.
    """
    wanted = staff.applicant(name, role, password)
    with house.work.writing() as connection:
        log.lock(connection)
        member = staff.admit(connection, wanted, now=now)
        body = {"member": member.handle, "role": role.value}
        log.append(connection, [Fact("staff:added", str(actor), now, body)])
    return member


def change_password(house: House, name: str, password: str, *, actor: Actor, now: datetime) -> None:
    """Give a member another password; whoever is signed in as them is out at once.

    Raises:
        StaffUnknown, PasswordTooWeak: see `governance.staff`.
    """
    hashed = staff.new_password(name, password)
    with house.work.writing() as connection:
        member = staff.change_password(connection, name, hashed)
        log.append(connection, [Fact("staff:password_changed", str(actor), now, {"member": member.handle})])


def disable_member(house: House, name: str, *, actor: Actor, now: datetime) -> None:
    """Let somebody sign in no more.

    Raises:
        StaffUnknown: nobody signs in under that name.
    """
    with house.work.writing() as connection:
        member = staff.disable_staff(connection, name, now=now)
        log.append(connection, [Fact("staff:disabled", str(actor), now, {"member": member.handle})])


def members(house: House) -> list[StaffMember]:
    """Everybody who may sign in, by name."""
    with house.work.reading() as connection:
        return staff.list_staff(connection)


def sign_in(house: House, name: str, password: str, *, now: datetime) -> tuple[StaffMember, str] | None:
    """Begin a session.

    Returns:
        The member and what the cookie holds; None when name and password do not fit, for whatever reason.
    """
    with house.work.reading() as connection:  # the slow hash holds no write lock: an objection must never wait for it
        member = staff.authenticate(connection, name, password, now=now)
    if member is None:
        return None
    with house.work.writing() as connection:
        token = staff.create_session(connection, member, now=now)
        log.append(connection, [Fact("session:began", str(member.actor), now)])
    return member, token


def sign_out(house: House, token: str, *, actor: Actor, now: datetime) -> None:
    """End a session here and now."""
    with house.work.writing() as connection:
        staff.end_session(connection, token)
        log.append(connection, [Fact("session:ended", str(actor), now)])


def add_api_token(
    house: House, label: str, role: Role, scopes: Collection[Scope], *, actor: Actor, now: datetime
) -> str:
    """Make a bearer token for a program; shown this once.

    Raises:
        TokenInvalid: see `governance.staff.add_token`.
    """
    with house.work.writing() as connection:
        token = staff.add_token(connection, label, role, scopes, now=now)
        body = {"role": role.value, "scopes": sorted(scope.value for scope in scopes)}
        log.append(connection, [Fact("token:made", str(actor), now, body)])
    return token


def api_tokens(house: House, *, now: datetime) -> list[TokenGiven]:
    """Every token that still acts, by label."""
    with house.work.reading() as connection:
        return staff.list_tokens(connection, now=now)


def revoke_api_tokens(house: House, label: str, *, actor: Actor, now: datetime) -> int:
    """Let the tokens of a label act no more; how many there were.

    Raises:
        NotFound: there is none.
    """
    with house.work.writing() as connection:
        found = staff.revoke_tokens(connection, label)
        if not found:
            raise NotFound("no token bears this label; `lauter staff tokens` lists them")
        log.append(connection, [Fact("token:revoked", str(actor), now, {"tokens": found})])
    return found
