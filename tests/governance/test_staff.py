"""Sign-in, sessions and tokens (ASVS 6, 7; GOV-7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pwdlib import PasswordHash
from sqlalchemy import select

from audit.database import Database
from governance import staff
from governance.errors import PasswordTooWeak, RoleConflict, StaffUnknown, TokenInvalid
from governance.staff import Scope
from governance.tables import api_token, staff_session
from governance.tables import staff as staff_table
from governance.vocabulary import Role

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PASSWORD = "langes Passwort 7"


def test_a_member_signs_in_with_the_right_password_only(work: Database) -> None:
    """The name in any spelling, the password exactly; disabled members and strangers do not."""
    with work.writing() as connection:
        added = staff.add_staff(connection, "Zoé", Role.DPO, PASSWORD, now=NOON)

        assert staff.authenticate(connection, " ZOE\u0301 ", PASSWORD, now=NOON) == added
        assert staff.authenticate(connection, "zoé", PASSWORD + " ", now=NOON) is None
        assert staff.authenticate(connection, "nobody", PASSWORD, now=NOON) is None
        assert staff.authenticate(connection, "zoé", "x" * 5_000, now=NOON) is None

        staff.disable_staff(connection, "zoé", now=NOON)
        assert staff.authenticate(connection, "zoé", PASSWORD, now=NOON) is None
        assert staff.list_staff(connection) == []


def test_looking_for_a_stranger_costs_a_hash_as_well(sqlite_work: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """No enumeration by time: each refusal verifies exactly one argon2 hash."""
    verified: list[str] = []
    real = PasswordHash.verify

    def counting(self: PasswordHash, password: str, stored: str) -> bool:
        verified.append(stored)
        return real(self, password, stored)

    monkeypatch.setattr(PasswordHash, "verify", counting)
    with sqlite_work.writing() as connection:
        staff.add_staff(connection, "zoe", Role.DPO, PASSWORD, now=NOON)
        for name in ("zoe", "nobody", ""):
            assert staff.authenticate(connection, name, "falsch falsch 1", now=NOON) is None

    assert len(verified) == 3
    assert all(stored.startswith("$argon2id$") for stored in verified)


def test_one_name_has_one_role(sqlite_work: Database) -> None:
    """GOV-7: nobody is officer and marketing, not even under another spelling or after leaving."""
    with sqlite_work.writing() as connection:
        staff.add_staff(connection, "zoe", Role.MARKETING, PASSWORD, now=NOON)
        staff.disable_staff(connection, "zoe", now=NOON)

        for name in ("zoe", "ZOE", " zoe", "ｚｏｅ"):
            with pytest.raises(RoleConflict, match="marketing"):
                staff.add_staff(connection, name, Role.DPO, PASSWORD, now=NOON)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ENGINE])
def test_the_machine_does_not_sign_in(sqlite_work: Database, role: Role) -> None:
    """Operator and engine are no people."""
    with sqlite_work.writing() as connection, pytest.raises(RoleConflict):
        staff.add_staff(connection, "zoe", role, PASSWORD, now=NOON)


@pytest.mark.parametrize("password", ["", "elf Zeichen", "x" * 1_025, "aaaaaaaaaaaaaaa", "Zoe.Beispiel.1"])
def test_weak_passwords_are_refused(sqlite_work: Database, password: str) -> None:
    """Length, not riddles (NIST SP 800-63B); the name is no password."""
    with sqlite_work.writing() as connection, pytest.raises(PasswordTooWeak):
        staff.add_staff(connection, "zoe.beispiel.1", Role.DPO, password, now=NOON)


def test_a_session_lasts_twelve_hours_and_ends_when_told(work: Database) -> None:
    """Only its hash is stored; expiry, sign-out, and leaving all end it."""
    with work.writing() as connection:
        member = staff.add_staff(connection, "zoe", Role.DPO, PASSWORD, now=NOON)
        token, other = (staff.create_session(connection, member, now=NOON) for _ in range(2))

        assert staff.find_session(connection, token, now=NOON + timedelta(hours=12, microseconds=-1)) == member
        assert staff.find_session(connection, token, now=NOON + timedelta(hours=12)) is None
        assert staff.find_session(connection, "x" * 43, now=NOON) is None
        assert staff.find_session(connection, "\udcff", now=NOON) is None
        stored = {bytes(value) for value in connection.execute(select(staff_session.c.token)).scalars()}
        assert not any(token.encode() in value for value in stored)

        staff.end_session(connection, token)
        assert staff.find_session(connection, token, now=NOON) is None
        assert staff.find_session(connection, other, now=NOON) == member
        staff.disable_staff(connection, "zoe", now=NOON)
        assert staff.find_session(connection, other, now=NOON) is None


def test_a_new_password_ends_every_session(sqlite_work: Database) -> None:
    """Whoever had the old one is out at once."""
    with sqlite_work.writing() as connection:
        member = staff.add_staff(connection, "zoe", Role.DPO, PASSWORD, now=NOON)
        token = staff.create_session(connection, member, now=NOON)

        staff.change_password(connection, "zoe", staff.new_password("zoe", "ein anderes Passwort"))

        assert staff.find_session(connection, token, now=NOON) is None
        assert staff.authenticate(connection, "zoe", PASSWORD, now=NOON) is None
        assert staff.authenticate(connection, "zoe", "ein anderes Passwort", now=NOON) == member
        with pytest.raises(StaffUnknown):
            staff.change_password(connection, "nobody", "hash")


def test_in_the_log_a_member_is_a_random_handle(sqlite_work: Database) -> None:
    """§ 26 BDSG, LOG-14: no name, and nothing computed from one."""
    with sqlite_work.writing() as connection:
        member = staff.add_staff(connection, "zoe", Role.DPO, PASSWORD, now=NOON)

    assert str(member.actor) == f"dpo:{member.handle}"
    assert len(member.handle) == 12
    assert "zoe" not in f"{member!r} {member.actor}"


def test_a_token_acts_within_its_scopes_until_it_expires(work: Database) -> None:
    """Only its hash is stored; revoking works by label."""
    with work.writing() as connection:
        token = staff.add_token(
            connection, "Shop", Role.DESK, [Scope.READ, "declare"], now=NOON, lasts=timedelta(days=1)
        )
        caller = staff.find_token(connection, token, now=NOON)

        assert caller is not None
        assert (caller.label, caller.role, caller.scopes) == ("Shop", Role.DESK, {Scope.READ, Scope.DECLARE})
        assert Scope.MAY_RAISE not in caller.scopes
        assert staff.find_token(connection, token, now=NOON + timedelta(days=1)) is None
        assert staff.find_token(connection, token[:-1], now=NOON) is None
        assert token.encode() not in bytes(connection.execute(select(api_token.c.token)).scalar_one())
        assert staff.revoke_tokens(connection, "Shop") == 1
        assert staff.find_token(connection, token, now=NOON) is None


@pytest.mark.parametrize(
    ("label", "role", "scopes", "days"),
    [("", Role.DESK, ["read"], 1), ("Shop", Role.DESK, [], 1), ("Shop", Role.DESK, ["all"], 1),
     ("Shop", Role.ADMIN, ["read"], 1), ("Shop", Role.ENGINE, ["read"], 1), ("Shop", Role.DESK, ["read"], 1_000)],
)  # fmt: skip
def test_tokens_without_bounds_are_refused(
    sqlite_work: Database, label: str, role: Role, scopes: list[str], days: int
) -> None:
    """A label, known scopes, a role of the console but never its administrator, an end."""
    with sqlite_work.writing() as connection, pytest.raises(TokenInvalid):
        staff.add_token(connection, label, role, scopes, now=NOON, lasts=timedelta(days=days))


def test_passwords_are_kept_as_argon2id(sqlite_work: Database) -> None:
    """Never the password itself."""
    with sqlite_work.writing() as connection:
        staff.add_staff(connection, "zoe", Role.DPO, PASSWORD, now=NOON)
        stored = connection.execute(select(staff_table.c.password)).scalar_one()

    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored
