"""The first tables of the vault store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "evidence_key",
        sa.Column("pseudonym", sa.LargeBinary(), nullable=False, comment="16 random bytes"),
        sa.Column("wrap_epoch", sa.Integer(), nullable=False, comment="epoch of the wrap key"),
        sa.Column(
            "wrapped_key", sa.LargeBinary(), nullable=False, comment="evidence key, AES-256-GCM under the wrap key"
        ),
        sa.Column(
            "retain_until", sa.BigInteger(), nullable=True, comment="set by erasure: opens until then, destroyed after"
        ),
        sa.PrimaryKeyConstraint("pseudonym"),
        comment="Keys of sealed evidence; retention: until retain_until after erasure, holder: the vault",
        sqlite_with_rowid=False,
    )
    op.create_index("evidence_key_by_retention", "evidence_key", ["retain_until"], unique=False)
    op.create_table(
        "sealed_address",
        sa.Column("number", sa.LargeBinary(), nullable=False, comment="16 random bytes; the work database names it so"),
        sa.Column("epoch", sa.Integer(), nullable=False, comment="epoch of the wrap key"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="the address, AES-256-GCM"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, comment="goes then at the latest"),
        sa.PrimaryKeyConstraint("number"),
        comment="Where links and confirmations were sent; retention: until void, holder: the vault",
    )
    op.create_index("sealed_address_by_expiry", "sealed_address", ["expires_at"], unique=False)
    op.create_table(
        "sealed_identity",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(always=False),
            nullable=False,
            comment="order of arrival: rows lie together, indexes stay small",
        ),
        sa.Column(
            "pseudonym", sa.LargeBinary(), nullable=False, comment="16 random bytes, the same as in the work database"
        ),
        sa.Column(
            "epoch", sa.Integer(), nullable=False, comment="epoch of the look-up key of the hashes and the fingerprint"
        ),
        sa.Column("form", sa.SmallInteger(), nullable=False, comment="version of the match forms behind the hashes"),
        sa.Column("wrap_epoch", sa.Integer(), nullable=False, comment="epoch of the wrap key"),
        sa.Column(
            "wrapped_key", sa.LargeBinary(), nullable=False, comment="identity key, AES-256-GCM under the wrap key"
        ),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="identity, AES-256-GCM under its own key"),
        sa.Column(
            "fingerprint",
            sa.LargeBinary(),
            nullable=False,
            comment="16 bytes of HMAC over the identity: has it changed?",
        ),
        sa.Column(
            "reference_hash", sa.LargeBinary(), nullable=False, comment="16 bytes of HMAC over unit and reference"
        ),
        sa.Column(
            "email_hash", sa.LargeBinary(), nullable=True, comment="16 bytes of HMAC over the e-mail's match form"
        ),
        sa.Column(
            "phone_hash", sa.LargeBinary(), nullable=True, comment="16 bytes of HMAC over the phone's match form"
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="Who is behind a pseudonym; retention: until erasure, holder: the vault",
    )
    op.create_index("sealed_identity_by_email", "sealed_identity", ["email_hash"], unique=False)
    op.create_index("sealed_identity_by_phone", "sealed_identity", ["phone_hash"], unique=False)
    op.create_index("sealed_identity_by_pseudonym", "sealed_identity", ["pseudonym"], unique=True)
    op.create_index("sealed_identity_by_reference", "sealed_identity", ["reference_hash"], unique=True)


def downgrade() -> None:
    op.drop_index("sealed_identity_by_reference", table_name="sealed_identity")
    op.drop_index("sealed_identity_by_pseudonym", table_name="sealed_identity")
    op.drop_index("sealed_identity_by_phone", table_name="sealed_identity")
    op.drop_index("sealed_identity_by_email", table_name="sealed_identity")
    op.drop_table("sealed_identity")
    op.drop_index("sealed_address_by_expiry", table_name="sealed_address")
    op.drop_table("sealed_address")
    op.drop_index("evidence_key_by_retention", table_name="evidence_key")
    op.drop_table("evidence_key")
