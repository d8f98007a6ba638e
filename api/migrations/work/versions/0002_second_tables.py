"""The second tables of the work store: life of a scheme, witnesses, erasure."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_cosignature",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False, comment="tree size of the checkpoint"),
        sa.Column("key", sa.Text(), nullable=False, comment="the witness's name and key ID"),
        sa.Column(
            "witnessed_at", sa.BigInteger(), nullable=False, comment="when the witness says it saw the checkpoint, UTC"
        ),
        sa.Column("line", sa.Text(), nullable=False, comment="the witness's signature line, byte for byte"),
        sa.PrimaryKeyConstraint("size", "key", "witnessed_at"),
        comment="What witnesses said about checkpoints; retention: as the checkpoints, it names no person",
    )
    op.create_table(
        "log_key",
        sa.Column("key", sa.Text(), nullable=False, comment="name and key ID, as signature lines have it"),
        sa.Column("vkey", sa.Text(), nullable=False, comment="the public key in the form that verifiers take"),
        sa.Column("since", sa.BigInteger(), nullable=False, comment="when it was noted, UTC"),
        sa.Column(
            "retired_at",
            sa.BigInteger(),
            nullable=True,
            comment="nothing is signed with it from then on; null: it signs",
        ),
        sa.PrimaryKeyConstraint("key"),
        comment="The log's own public keys since the first rotation: retired ones still verify; retention: as the log",
    )
    op.create_table(
        "log_pruning",
        sa.Column(
            "minimum", sa.BigInteger(), autoincrement=False, nullable=False, comment="minimum index from then on"
        ),
        sa.Column("fact", sa.BigInteger(), nullable=False, comment="the entry that tells of it"),
        sa.Column("pruned_at", sa.BigInteger(), nullable=False, comment="when, UTC"),
        sa.PrimaryKeyConstraint("minimum"),
        comment="Up to where entries lost their bytes by written policy; retention: as the log, it names no person",
    )
    op.create_table(
        "erasure",
        sa.Column(
            "subject",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="whose; a number behind which nobody stands any more",
        ),
        sa.Column("handle", sa.LargeBinary(), nullable=False, comment="16 random bytes: the erasure's name in the log"),
        sa.Column(
            "ordered_at",
            sa.BigInteger(),
            nullable=False,
            comment="committed before the vault is touched; acts from here on",
        ),
        sa.Column("ordered_by", sa.Text(), nullable=False, comment="role and handle"),
        sa.Column(
            "retain_until",
            sa.BigInteger(),
            nullable=True,
            comment="evidence can be opened until then; null: destroyed with the rest",
        ),
        sa.Column(
            "done_at",
            sa.BigInteger(),
            nullable=True,
            comment="every store is done; null: under way, the sweeper goes on",
        ),
        sa.PrimaryKeyConstraint("subject"),
        sa.UniqueConstraint("handle"),
        comment="Erasures ordered and done (Article 17 GDPR); retention: as the ledger, it names nobody",
    )
    op.create_index("erasure_by_end", "erasure", ["done_at"], unique=False)
    op.create_table(
        "saved_view",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="number",
        ),
        sa.Column("owner", sa.Text(), nullable=False, comment="role and handle of whoever keeps it"),
        sa.Column("name", sa.Text(), nullable=False, comment="what they call it; names nobody"),
        sa.Column("query", sa.Text(), nullable=False, comment="filters of the log as an address has them; no person"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="when"),
        sa.PrimaryKeyConstraint("id"),
        comment="Searches of the log that somebody wants again",
    )
    op.create_table(
        "seen_mark",
        sa.Column("owner", sa.Text(), nullable=False, comment="role and handle"),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="entries of the log they have seen"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="when they said so"),
        sa.PrimaryKeyConstraint("owner"),
        comment="Up to where somebody knows what happened",
    )
    op.create_table(
        "activation",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="number",
        ),
        sa.Column("scheme", sa.Text(), nullable=False, comment="scheme"),
        sa.Column(
            "definition",
            sa.LargeBinary(),
            nullable=False,
            comment="digest of the version that is to be, is or was active",
        ),
        sa.Column("state", sa.Text(), nullable=False, comment="requested, active, refused, withdrawn or superseded"),
        sa.Column(
            "effect_class", sa.Text(), nullable=False, comment="what hangs on it; price and contract need the officer"
        ),
        sa.Column(
            "preview",
            sa.Text(),
            nullable=True,
            comment="JSON: what whoever asked was shown, counts by permission and changes",
        ),
        sa.Column("requested_at", sa.BigInteger(), nullable=False, comment="when"),
        sa.Column("requested_by", sa.Text(), nullable=False, comment="role and handle"),
        sa.Column("decided_at", sa.BigInteger(), nullable=True, comment="active or refused since"),
        sa.Column(
            "decided_by", sa.Text(), nullable=True, comment="role and handle; somebody else where approval is needed"
        ),
        sa.Column("note", sa.Text(), nullable=True, comment="why, in the words of whoever decided; names nobody"),
        sa.PrimaryKeyConstraint("id"),
        comment="Which version of a scheme may run, and who said so (Articles 24, 25 and 35 GDPR)",
    )
    op.create_index("activation_by_scheme", "activation", ["scheme", "id"], unique=False)
    op.create_table(
        "schedule",
        sa.Column("scheme", sa.Text(), nullable=False, comment="scheme"),
        sa.Column("every", sa.Text(), nullable=True, comment="ISO 8601 duration between runs; null: not by time"),
        sa.Column("on_change", sa.Boolean(), nullable=False, comment="run after imports and declarations"),
        sa.Column(
            "fresh_for",
            sa.Text(),
            nullable=True,
            comment="ISO 8601 duration after which the result is stale; null: the house's default",
        ),
        sa.Column("due_at", sa.BigInteger(), nullable=True, comment="next run; null: none is due"),
        sa.Column("seen", sa.BigInteger(), nullable=True, comment="log index up to which changes were looked at"),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False, comment="failures in a row"),
        sa.Column("problem", sa.Text(), nullable=True, comment="slug of the last failure"),
        sa.Column("set_at", sa.BigInteger(), nullable=False, comment="when"),
        sa.Column("set_by", sa.Text(), nullable=False, comment="role and handle"),
        sa.PrimaryKeyConstraint("scheme"),
        comment="When a scheme is computed anew, and how long its result may be used",
    )
    op.create_table(
        "segment_figures",
        sa.Column("run", sa.BigInteger(), autoincrement=False, nullable=False, comment="the run"),
        sa.Column("segment", sa.Text(), nullable=False, comment="segment key"),
        sa.Column("people", sa.BigInteger(), nullable=False, comment="members at publication"),
        sa.Column(
            "revenue",
            sa.BigInteger(),
            nullable=True,
            comment="of the twelve months before the run, minor units; null: not permitted or none",
        ),
        sa.Column(
            "margin",
            sa.BigInteger(),
            nullable=True,
            comment="contribution margin of the same months, minor units; null: not known",
        ),
        sa.Column("active", sa.BigInteger(), nullable=True, comment="members who ordered in those months"),
        sa.Column(
            "stayed",
            sa.BigInteger(),
            nullable=True,
            comment="members who were in the segment in the run before as well",
        ),
        sa.Column("currency", sa.Text(), nullable=True, comment="of both amounts"),
        sa.PrimaryKeyConstraint("run", "segment"),
        comment="Key figures per segment over time; aggregates, none of a segment below the minimum",
    )
    op.create_table(
        "segment_note",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="number",
        ),
        sa.Column("scheme", sa.Text(), nullable=False, comment="scheme"),
        sa.Column("segment", sa.Text(), nullable=False, comment="segment key"),
        sa.Column(
            "owner", sa.Text(), nullable=False, comment="who looks after the segment: a role or team, not a customer"
        ),
        sa.Column("strategy", sa.Text(), nullable=False, comment="what is planned for it; names nobody"),
        sa.Column("written_at", sa.BigInteger(), nullable=False, comment="when"),
        sa.Column("written_by", sa.Text(), nullable=False, comment="role and handle"),
        sa.PrimaryKeyConstraint("id"),
        comment="What marketing plans for a segment; the newest counts, older ones stay",
    )
    op.create_index("segment_note_by_segment", "segment_note", ["scheme", "segment", "id"], unique=False)
    op.create_index("blocked_address_by_time", "blocked_address", ["added_at"], unique=False)
    op.add_column(
        "run",
        sa.Column(
            "base",
            sa.BigInteger(),
            nullable=True,
            comment="run whose records stand for everybody this one has no record of; null: of nobody",
        ),
    )
    op.add_column(
        "run", sa.Column("cause", sa.Text(), server_default="hand", nullable=False, comment="hand, schedule or change")
    )
    # Until now the newest version ran; it goes on running.
    bind = op.get_bind()
    rows = bind.execute(
        sa.text(
            "SELECT d.scheme, d.digest, d.document, d.created_at, d.created_by FROM definition d WHERE d.version ="
            " (SELECT max(o.version) FROM definition o WHERE o.scheme = d.scheme) ORDER BY d.scheme"
        )
    ).all()
    for number, (scheme, digest, document, at, by) in enumerate(rows, start=1):
        effect = json.loads(document).get("effect_class", "none")
        bind.execute(
            sa.text(
                "INSERT INTO activation (id, scheme, definition, state, effect_class, requested_at, requested_by,"
                " decided_at, decided_by) VALUES (:id, :scheme, :definition, 'active', :effect, :at, :by, :at, :by)"
            ),
            {"id": number, "scheme": scheme, "definition": digest, "effect": effect, "at": at, "by": by},
        )
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        told = "requested, approved, built, released, expired, refused or declined"
        op.alter_column("export", "state", existing_type=sa.Text(), existing_nullable=False, comment=told)
    # Cosignatures are never changed; an entry may lose its bytes below the minimum index (decision 0014).
    statements = {
        "sqlite": (
            "DROP TRIGGER log_leaf_no_update",
            "CREATE TRIGGER log_leaf_no_update BEFORE UPDATE ON log_leaf WHEN NOT (NEW.body = x'' AND NEW.idx = OLD.idx AND NEW.kind = OLD.kind AND NEW.leaf_hash = OLD.leaf_hash AND NEW.recorded_at = OLD.recorded_at AND OLD.idx < (SELECT coalesce(max(minimum), 0) FROM log_pruning)) BEGIN SELECT RAISE(ABORT, 'log_leaf is append-only'); END",
            "CREATE TRIGGER log_cosignature_no_update BEFORE UPDATE ON log_cosignature BEGIN SELECT RAISE(ABORT, 'log_cosignature is append-only'); END",
            "CREATE TRIGGER log_cosignature_no_delete BEFORE DELETE ON log_cosignature BEGIN SELECT RAISE(ABORT, 'log_cosignature is append-only'); END",
            "CREATE TRIGGER log_cosignature_no_replace BEFORE INSERT ON log_cosignature WHEN EXISTS (SELECT 1 FROM log_cosignature WHERE size = NEW.size AND key = NEW.key AND witnessed_at = NEW.witnessed_at) BEGIN SELECT RAISE(ABORT, 'log_cosignature is append-only'); END",
            "CREATE TRIGGER log_pruning_no_update BEFORE UPDATE ON log_pruning BEGIN SELECT RAISE(ABORT, 'log_pruning is append-only'); END",
            "CREATE TRIGGER log_pruning_no_delete BEFORE DELETE ON log_pruning BEGIN SELECT RAISE(ABORT, 'log_pruning is append-only'); END",
            "CREATE TRIGGER log_pruning_no_replace BEFORE INSERT ON log_pruning WHEN EXISTS (SELECT 1 FROM log_pruning WHERE minimum = NEW.minimum) BEGIN SELECT RAISE(ABORT, 'log_pruning is append-only'); END",
        ),
        "postgresql": (
            "DROP TRIGGER log_leaf_append_only ON log_leaf",
            "CREATE OR REPLACE FUNCTION lauter_prune_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.body = ''::bytea AND NEW.idx = OLD.idx AND NEW.kind = OLD.kind AND NEW.leaf_hash = OLD.leaf_hash AND NEW.recorded_at = OLD.recorded_at AND OLD.idx < (SELECT coalesce(max(minimum), 0) FROM log_pruning) THEN RETURN NEW; END IF; RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$",
            "CREATE TRIGGER log_leaf_append_only BEFORE DELETE OR TRUNCATE ON log_leaf FOR EACH STATEMENT EXECUTE FUNCTION lauter_append_only()",
            "CREATE TRIGGER log_leaf_prune_only BEFORE UPDATE ON log_leaf FOR EACH ROW EXECUTE FUNCTION lauter_prune_only()",
            "CREATE TRIGGER log_cosignature_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_cosignature FOR EACH STATEMENT EXECUTE FUNCTION lauter_append_only()",
            "CREATE TRIGGER log_pruning_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_pruning FOR EACH STATEMENT EXECUTE FUNCTION lauter_append_only()",
        ),
    }
    for statement in statements[bind.dialect.name]:
        bind.exec_driver_sql(statement)


def downgrade() -> None:
    op.drop_column("run", "cause")
    op.drop_column("run", "base")
    op.drop_index("blocked_address_by_time", table_name="blocked_address")
    op.drop_index("segment_note_by_segment", table_name="segment_note")
    op.drop_table("segment_note")
    op.drop_table("segment_figures")
    op.drop_table("schedule")
    op.drop_index("activation_by_scheme", table_name="activation")
    op.drop_table("activation")
    op.drop_table("seen_mark")
    op.drop_table("saved_view")
    op.drop_index("erasure_by_end", table_name="erasure")
    op.drop_table("erasure")
    op.drop_table("log_pruning")
    op.drop_table("log_key")
    op.drop_table("log_cosignature")
