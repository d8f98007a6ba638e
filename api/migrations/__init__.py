"""One Alembic environment for each database: work, vault, protected."""
