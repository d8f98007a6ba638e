"""Alembic environment of the protected store."""

from api.migrations import environment

environment.run("protected")
