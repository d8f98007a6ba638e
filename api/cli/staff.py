"""`lauter staff`: who may sign in to the console, and which programs may call the API."""

from __future__ import annotations

import secrets
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.table import Table

from api.cli import output
from audit.errors import BadInput
from governance.staff import Scope, TokenGiven
from governance.vocabulary import Role

group = typer.Typer(no_args_is_help=True, help="Who may sign in: names, roles, passwords, API tokens.")
GENERATED_BYTES = 15


@dataclass(frozen=True)
class Credential:
    """An account or token that was made; *secret* is shown this once and stored nowhere."""

    kind: str
    name: str
    role: str
    secret: str | None

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        made = {"name": self.name, "role": self.role}
        return made if self.secret is None else {**made, self.kind: self.secret}


@dataclass(frozen=True)
class StaffList:
    """Everybody who may sign in."""

    members: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"staff": [{"name": name, "role": role} for name, role in self.members]}


@dataclass(frozen=True)
class TokenList:
    """Every token that still acts."""

    tokens: tuple[TokenGiven, ...]

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {
            "tokens": [
                {
                    "label": token.label,
                    "role": token.role,
                    "scopes": list(token.scopes),
                    "created_at": token.created_at.isoformat(),
                    "expires_at": token.expires_at.isoformat(),
                }
                for token in self.tokens
            ]
        }


@dataclass(frozen=True)
class Revoked:
    """How many tokens were revoked."""

    tokens: int

    def to_json(self) -> dict[str, Any]:
        """As the command line prints it."""
        return {"revoked": self.tokens}


def register(app: typer.Typer) -> None:
    """Attach the group."""
    app.add_typer(group, name="staff")


@group.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Sign-in name.")],
    role: Annotated[str, typer.Option(help="dpo, marketing, desk, steward, admin or auditor.")],
    generate: Annotated[bool, typer.Option("--generate", help="Make a password and print it once.")] = False,
) -> None:
    """Let somebody sign in. The password is asked for, or read from standard input when that is no terminal."""
    from api.workflows.staff import add_member

    password = _password(generate)
    with output.house(context) as house:
        add_member(house, name, _role(role), password, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, Credential("password", name, role, password if generate else None), _show_credential)


@group.command("list")
def list_members(context: typer.Context) -> None:
    """Show who may sign in."""
    from api.workflows.staff import members

    with output.house(context) as house:
        found = tuple((member.name, member.role.value) for member in members(house))
    output.answer(context, StaffList(found), _show_list)


@group.command("disable")
def disable(context: typer.Context, name: Annotated[str, typer.Argument(help="Sign-in name.")]) -> None:
    """Let somebody sign in no more, from this instant."""
    from api.workflows.staff import disable_member

    with output.house(context) as house:
        disable_member(house, name, actor=output.invocation(context).actor, now=output.now())
    output.answer(
        context, Credential("password", name, "", None), lambda _: output.screen.print("No sign-in any more.")
    )


@group.command("token")
def token(
    context: typer.Context,
    label: Annotated[str, typer.Argument(help="What the token is for.")],
    role: Annotated[str, typer.Option(help="The role it acts in.")],
    scope: Annotated[list[Scope], typer.Option(help="What it may do; repeat for several.")],
) -> None:
    """Make a bearer token for the API and print it once."""
    from api.workflows.staff import add_api_token

    with output.house(context) as house:
        made = add_api_token(house, label, _role(role), scope, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, Credential("token", label, role, made), _show_credential)


@group.command("password")
def password(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Sign-in name.")],
    generate: Annotated[bool, typer.Option("--generate", help="Make a password and print it once.")] = False,
) -> None:
    """Give somebody another password; sessions under the old one end. Asked for as with `add`."""
    from api.workflows.staff import change_password

    chosen = _password(generate)
    with output.house(context) as house:
        change_password(house, name, chosen, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, Credential("password", name, "", chosen if generate else None), _show_password)


@group.command("tokens")
def tokens(context: typer.Context) -> None:
    """Show which tokens still act; the tokens themselves are stored nowhere."""
    from api.workflows.staff import api_tokens

    with output.house(context) as house:
        found = TokenList(tuple(api_tokens(house, now=output.now())))
    output.answer(context, found, _show_tokens)


@group.command("revoke")
def revoke(context: typer.Context, label: Annotated[str, typer.Argument(help="What the token was for.")]) -> None:
    """Let every token of this label act no more, from this instant."""
    from api.workflows.staff import revoke_api_tokens

    with output.house(context) as house:
        found = revoke_api_tokens(house, label, actor=output.invocation(context).actor, now=output.now())
    output.answer(context, Revoked(found), lambda done: output.screen.print(f"{done.tokens} token(s) revoked."))


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError:
        raise BadInput("--role must be one of dpo, marketing, desk, steward, admin, auditor") from None


def _password(generate: bool) -> str:
    if generate:
        return secrets.token_urlsafe(GENERATED_BYTES)
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _show_credential(made: Credential) -> None:
    output.screen.print(f"Made for {made.name} in the role {made.role}.", markup=False)
    if made.secret is not None:
        output.screen.print(f"{made.kind}: {made.secret}   (shown this once)", markup=False)


def _show_list(found: StaffList) -> None:
    table = Table("name", "role", box=None, pad_edge=False)
    for name, role in found.members:
        table.add_row(name, role)
    output.screen.print(table if found.members else "Nobody may sign in yet; add somebody with `lauter staff add`.")


def _show_password(made: Credential) -> None:
    output.screen.print("The password is changed; open sessions of this name ended.")
    if made.secret is not None:
        output.screen.print(f"password: {made.secret}   (shown this once)", markup=False)


def _show_tokens(found: TokenList) -> None:
    table = Table("label", "role", "scopes", "until", box=None, pad_edge=False)
    for token in found.tokens:
        table.add_row(token.label, token.role, ", ".join(token.scopes), f"{token.expires_at:%Y-%m-%d}")
    output.screen.print(table if found.tokens else "No token acts; make one with `lauter staff token`.")
