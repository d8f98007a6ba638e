"""The first tables of the protected store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "protected_attribute",
        sa.Column(
            "person", sa.LargeBinary(), nullable=False, comment="16 bytes of HMAC(protected key, attribute ‖ pseudonym)"
        ),
        sa.Column("attribute", sa.Text(), nullable=False, comment="such as age_group"),
        sa.Column("value", sa.Text(), nullable=False, comment="the person's value, as a word"),
        sa.PrimaryKeyConstraint("person"),
        comment="Attributes for the fairness check; retention: until replaced or cleared; holder: the protected store",
        sqlite_with_rowid=False,
    )
    op.create_index("protected_attribute_by_name", "protected_attribute", ["attribute", "person"], unique=False)
    op.create_table(
        "protected_import",
        sa.Column("attribute", sa.Text(), nullable=False, comment="such as age_group"),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=False, comment="keyed hash of everything the last import brought"
        ),
        sa.PrimaryKeyConstraint("attribute"),
        comment="What was imported last under each name; stays when the values are cleared, tells nothing of anybody",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("protected_import")
    op.drop_index("protected_attribute_by_name", table_name="protected_attribute")
    op.drop_table("protected_attribute")
