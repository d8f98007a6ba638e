"""Alembic environment of the vault store."""

from api.migrations import environment

environment.run("vault")
