"""The second tables of the vault store: erasure."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retained_identity",
        sa.Column("pseudonym", sa.LargeBinary(), nullable=False, comment="16 random bytes"),
        sa.Column(
            "reference_hash", sa.LargeBinary(), nullable=False, comment="16 bytes of HMAC over unit and reference"
        ),
        sa.Column(
            "phone_hash", sa.LargeBinary(), nullable=True, comment="16 bytes of HMAC over the phone's match form"
        ),
        sa.Column(
            "sealed", sa.LargeBinary(), nullable=False, comment="name, number and reference under the evidence key"
        ),
        sa.PrimaryKeyConstraint("pseudonym"),
        comment="Whose a proof of § 7a UWG is after erasure; retention: with its evidence key, holder: the vault",
    )
    op.create_index("retained_identity_by_phone", "retained_identity", ["phone_hash"], unique=False)
    op.create_index("retained_identity_by_reference", "retained_identity", ["reference_hash"], unique=False)


def downgrade() -> None:
    op.drop_index("retained_identity_by_reference", table_name="retained_identity")
    op.drop_index("retained_identity_by_phone", table_name="retained_identity")
    op.drop_table("retained_identity")
