"""Alembic environment of the work store."""

from api.migrations import environment

environment.run("work")
