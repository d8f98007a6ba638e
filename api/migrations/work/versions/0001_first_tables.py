"""The first tables of the work store."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = {
    "sqlite": [
        "CREATE TRIGGER log_leaf_no_update BEFORE UPDATE ON log_leaf BEGIN SELECT RAISE(ABORT, 'log_leaf is append-only'); END",
        "CREATE TRIGGER log_leaf_no_delete BEFORE DELETE ON log_leaf BEGIN SELECT RAISE(ABORT, 'log_leaf is append-only'); END",
        "CREATE TRIGGER log_leaf_no_replace BEFORE INSERT ON log_leaf WHEN EXISTS (SELECT 1 FROM log_leaf WHERE idx = NEW.idx) BEGIN SELECT RAISE(ABORT, 'log_leaf is append-only'); END",
        "CREATE TRIGGER log_node_no_update BEFORE UPDATE ON log_node BEGIN SELECT RAISE(ABORT, 'log_node is append-only'); END",
        "CREATE TRIGGER log_node_no_delete BEFORE DELETE ON log_node BEGIN SELECT RAISE(ABORT, 'log_node is append-only'); END",
        "CREATE TRIGGER log_node_no_replace BEFORE INSERT ON log_node WHEN EXISTS (SELECT 1 FROM log_node WHERE level = NEW.level AND idx = NEW.idx) BEGIN SELECT RAISE(ABORT, 'log_node is append-only'); END",
        "CREATE TRIGGER log_checkpoint_no_update BEFORE UPDATE ON log_checkpoint BEGIN SELECT RAISE(ABORT, 'log_checkpoint is append-only'); END",
        "CREATE TRIGGER log_checkpoint_no_delete BEFORE DELETE ON log_checkpoint BEGIN SELECT RAISE(ABORT, 'log_checkpoint is append-only'); END",
        "CREATE TRIGGER log_checkpoint_no_replace BEFORE INSERT ON log_checkpoint WHEN EXISTS (SELECT 1 FROM log_checkpoint WHERE size = NEW.size) BEGIN SELECT RAISE(ABORT, 'log_checkpoint is append-only'); END",
        "CREATE TRIGGER declaration_no_update BEFORE UPDATE ON declaration BEGIN SELECT RAISE(ABORT, 'declaration is append-only'); END",
        "CREATE TRIGGER declaration_no_delete BEFORE DELETE ON declaration BEGIN SELECT RAISE(ABORT, 'declaration is append-only'); END",
        "CREATE TRIGGER declaration_no_replace BEFORE INSERT ON declaration WHEN EXISTS (SELECT 1 FROM declaration WHERE seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'declaration is append-only'); END",
        "CREATE TRIGGER ground_no_update BEFORE UPDATE ON ground BEGIN SELECT RAISE(ABORT, 'ground is append-only'); END",
        "CREATE TRIGGER ground_no_delete BEFORE DELETE ON ground BEGIN SELECT RAISE(ABORT, 'ground is append-only'); END",
        "CREATE TRIGGER ground_no_replace BEFORE INSERT ON ground WHEN EXISTS (SELECT 1 FROM ground WHERE seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'ground is append-only'); END",
        "CREATE TRIGGER channel_use_no_update BEFORE UPDATE ON channel_use BEGIN SELECT RAISE(ABORT, 'channel_use is append-only'); END",
        "CREATE TRIGGER channel_use_no_delete BEFORE DELETE ON channel_use BEGIN SELECT RAISE(ABORT, 'channel_use is append-only'); END",
        "CREATE TRIGGER channel_use_no_replace BEFORE INSERT ON channel_use WHEN EXISTS (SELECT 1 FROM channel_use WHERE seq = NEW.seq) BEGIN SELECT RAISE(ABORT, 'channel_use is append-only'); END",
    ],
    "postgresql": [
        "CREATE OR REPLACE FUNCTION lauter_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$",
        "CREATE TRIGGER log_leaf_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_leaf FOR EACH STATEMENT EXECUTE FUNCTION lauter_append_only()",
        "CREATE TRIGGER log_node_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_node FOR EACH STATEMENT EXECUTE FUNCTION lauter_append_only()",
        "CREATE TRIGGER log_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION lauter_append_only()",
        "CREATE TRIGGER declaration_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON declaration FOR EACH STATEMENT EXECUTE FUNCTION lauter_append_only()",
        "CREATE TRIGGER ground_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ground FOR EACH STATEMENT EXECUTE FUNCTION lauter_append_only()",
        "CREATE TRIGGER channel_use_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON channel_use FOR EACH STATEMENT EXECUTE FUNCTION lauter_append_only()",
    ],
}
"""Evidence takes no change: UPDATE and DELETE fail, whoever asks."""


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False, comment="number of the bulk act"),
        sa.Column("kind", sa.Text(), nullable=False, comment="what the rows are, such as assignment"),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="number of leaves"),
        sa.Column("root", sa.LargeBinary(), nullable=False, comment="RFC 6962 root over the leaves"),
        sa.Column(
            "header",
            sa.LargeBinary(),
            nullable=False,
            comment="bytes before the random part of each leaf: version and model digest",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="One row per bulk act with one leaf per person",
    )
    op.create_table(
        "batch_tile",
        sa.Column("batch", sa.BigInteger(), autoincrement=False, nullable=False, comment="the bulk act"),
        sa.Column(
            "level", sa.SmallInteger(), autoincrement=False, nullable=False, comment="8 or 16: height above the leaves"
        ),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False, comment="position on that level"),
        sa.Column(
            "hash", sa.LargeBinary(), nullable=False, comment="hash of the subtree, full or the last partial one"
        ),
        sa.PrimaryKeyConstraint("batch", "level", "idx"),
        comment="Subtree hashes of a bulk act: a proof reads one tile of rows, not all",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_checkpoint",
        sa.Column(
            "size", sa.BigInteger(), autoincrement=False, nullable=False, comment="tree size that the note signs"
        ),
        sa.Column("note", sa.Text(), nullable=False, comment="C2SP signed note, byte for byte"),
        sa.Column("signed_at", sa.BigInteger(), nullable=False, comment="when it was signed, UTC"),
        sa.PrimaryKeyConstraint("size"),
        comment="Every checkpoint that was signed",
    )
    op.create_table(
        "log_head",
        sa.Column(
            "id",
            sa.SmallInteger(),
            autoincrement=False,
            nullable=False,
            comment="always 1: one row, locked last before commit",
        ),
        sa.Column("size", sa.BigInteger(), nullable=False, comment="number of entries; the next entry gets this index"),
        sa.CheckConstraint("id = 1", name="one_head"),
        sa.PrimaryKeyConstraint("id"),
        comment="The one row whose lock is the order of events",
    )
    op.create_table(
        "log_leaf",
        sa.Column(
            "idx", sa.BigInteger(), autoincrement=False, nullable=False, comment="position in the log, without gaps"
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="what happened, such as run:published"),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="canonical bytes of the fact; what the leaf hash covers"
        ),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False, comment="SHA-256(0x00 || body), RFC 6962"),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False, comment="when it was appended, UTC"),
        sa.PrimaryKeyConstraint("idx"),
        comment="One row per fact, in the order of the head's lock",
    )
    op.create_index("log_leaf_by_kind", "log_leaf", ["kind", "idx"], unique=False)
    op.create_table(
        "log_node",
        sa.Column(
            "level", sa.SmallInteger(), autoincrement=False, nullable=False, comment="height above the leaves, from 1"
        ),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False, comment="position on that level"),
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="SHA-256(0x01 || left || right) of a full subtree"),
        sa.PrimaryKeyConstraint("level", "idx"),
        comment="Hashes of full subtrees, so that roots and proofs need a logarithmic number of reads",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "log_subject",
        sa.Column(
            "subject",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="whom the entry is about; deleted on erasure",
        ),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False, comment="the entry"),
        sa.PrimaryKeyConstraint("subject", "idx"),
        comment="Which entries are about whom; outside the hashed bytes",
        sqlite_with_rowid=False,
    )
    op.create_index("log_subject_by_entry", "log_subject", ["idx"], unique=False)
    op.create_table(
        "shredded_leaf",
        sa.Column("batch", sa.BigInteger(), autoincrement=False, nullable=False, comment="the bulk act"),
        sa.Column(
            "position", sa.BigInteger(), autoincrement=False, nullable=False, comment="where the erased row stood"
        ),
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="its leaf hash: the other proofs still need it"),
        sa.PrimaryKeyConstraint("batch", "position"),
        comment="What remains of a row after erasure: nothing to guess from",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "activity",
        sa.Column(
            "owner",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="the contact if it is known, else the account",
        ),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False, comment="days since 1970-01-01"),
        sa.Column(
            "seq",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="keyed hash of reference, content and repetition: a repeated import changes nothing",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="order, return or another kind named in the catalogue"),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="minor units of the currency; returns negative"),
        sa.Column("quantity", sa.BigInteger(), nullable=True, comment="pieces; returns negative"),
        sa.Column(
            "occasion",
            sa.BigInteger(),
            nullable=False,
            comment="keyed hash of the invoice: lines of one order share it",
        ),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217 code"),
        sa.Column("category", sa.Text(), nullable=True, comment="product category"),
        sa.Column("batch", sa.BigInteger(), nullable=False, comment="import_record that brought it"),
        sa.PrimaryKeyConstraint("owner", "day", "seq"),
        comment="Orders, returns and other acts, clustered by owner and day",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "api_token",
        sa.Column("token", sa.LargeBinary(), nullable=False, comment="SHA-256 of the bearer token's 32 random bytes"),
        sa.Column("label", sa.Text(), nullable=False, comment="what it is for"),
        sa.Column("role", sa.Text(), nullable=False, comment="role it acts in"),
        sa.Column("scopes", sa.Text(), nullable=False, comment="JSON array of scopes"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="made"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, comment="void after"),
        sa.PrimaryKeyConstraint("token"),
        comment="Bearer tokens of the JSON API",
    )
    op.create_table(
        "catalogue_version",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the text"),
        sa.Column("document", sa.Text(), nullable=False, comment="the TOML as it was in force"),
        sa.Column("since", sa.BigInteger(), nullable=False, comment="first seen in force"),
        sa.PrimaryKeyConstraint("digest"),
        comment="Every version of purposes and fields that was ever in force (Article 30 GDPR)",
    )
    op.create_table(
        "disparity_run",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="number of the check",
        ),
        sa.Column("policy", sa.LargeBinary(), nullable=False, comment="digest of the policy that was checked"),
        sa.Column("run", sa.BigInteger(), nullable=False, comment="the live run that was checked"),
        sa.Column("attributes", sa.LargeBinary(), nullable=False, comment="digest of the protected attributes used"),
        sa.Column(
            "verdict", sa.Text(), nullable=False, comment="within_limits, disparity, not_enough_data or not_assessable"
        ),
        sa.Column(
            "report",
            sa.Text(),
            nullable=False,
            comment="JSON: thresholds, seed, groups of at least the minimum size with n and interval",
        ),
        sa.Column("checked_at", sa.BigInteger(), nullable=False, comment="when"),
        sa.Column("checked_by", sa.Text(), nullable=False, comment="role and handle"),
        sa.PrimaryKeyConstraint("id"),
        comment="Every fairness check of a price policy; aggregates only",
    )
    op.create_table(
        "idempotency",
        sa.Column("key", sa.LargeBinary(), nullable=False, comment="SHA-256 of caller and Idempotency-Key"),
        sa.Column("request", sa.LargeBinary(), nullable=False, comment="SHA-256 of method, path and body"),
        sa.Column("status", sa.Integer(), nullable=True, comment="answer; null while under way"),
        sa.Column("answer", sa.LargeBinary(), nullable=True, comment="sealed body of the answer"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="first seen; rows go after a day"),
        sa.PrimaryKeyConstraint("key"),
        comment="Writes of the API that were done once already",
    )
    op.create_table(
        "import_record",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="number of the import",
        ),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="contacts, accounts, activities, consents, grounds or attributes"
        ),
        sa.Column("started_at", sa.BigInteger(), nullable=False, comment="when it began"),
        sa.Column("finished_at", sa.BigInteger(), nullable=True, comment="null while under way, or when it was killed"),
        sa.Column("actor", sa.Text(), nullable=False, comment="role and handle"),
        sa.Column("mapping", sa.LargeBinary(), nullable=False, comment="SHA-256 of the mapping"),
        sa.Column(
            "report", sa.Text(), nullable=True, comment="JSON: counts, dropped column count, row errors without values"
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="Each import with its report; never a value of a row",
    )
    op.create_table(
        "key_check",
        sa.Column("role", sa.Text(), nullable=False, comment="what the key is for"),
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False, comment="counts up"),
        sa.Column(
            "value",
            sa.LargeBinary(),
            nullable=False,
            comment="16 bytes derived from the key; they tell nothing about it",
        ),
        sa.Column("since", sa.BigInteger(), nullable=False, comment="first used"),
        sa.Column(
            "destroyed_at", sa.BigInteger(), nullable=True, comment="destroyed on purpose; its file is gone since"
        ),
        sa.PrimaryKeyConstraint("role", "epoch"),
        comment="Which keys belong to this house: a wrong file is noticed before it is used",
    )
    op.create_table(
        "outbox",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
            comment="number",
        ),
        sa.Column("kind", sa.Text(), nullable=False, comment="which worker takes it, such as mail_link or webhook"),
        sa.Column(
            "reference", sa.Text(), nullable=False, comment="JSON object of row numbers and keys only; nothing personal"
        ),
        sa.Column("due_at", sa.BigInteger(), nullable=False, comment="not before"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="how often it was tried"),
        sa.Column("leased_until", sa.BigInteger(), nullable=True, comment="somebody works on it until then"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="in the transaction of what caused it"),
        sa.Column("failed_at", sa.BigInteger(), nullable=True, comment="given up; stays for the operator"),
        sa.Column("problem", sa.Text(), nullable=True, comment="kind of the last failure, a token; never a message"),
        sa.PrimaryKeyConstraint("id"),
        comment="Work to do after a commit; a done row is deleted",
    )
    op.create_index("outbox_by_due", "outbox", ["failed_at", "due_at"], unique=False)
    op.create_table(
        "portal_link",
        sa.Column(
            "token", sa.LargeBinary(), nullable=False, comment="SHA-256 of at least 128 random bits; never the bits"
        ),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="mail, letter, embed; wanted: a letter the desk is to write"
        ),
        sa.Column("subject", sa.BigInteger(), nullable=True, comment="whose; null when several share the address"),
        sa.Column(
            "address",
            sa.LargeBinary(),
            nullable=True,
            comment="random number of the sealed address in the vault; null: none needed",
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="made"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, comment="void after"),
        sa.Column("used_at", sa.BigInteger(), nullable=True, comment="opened a session; never again"),
        sa.PrimaryKeyConstraint("token"),
        comment="Single-use ways into the portal; rows go when void",
    )
    op.create_index("portal_link_by_expiry", "portal_link", ["expires_at"], unique=False)
    op.create_table(
        "portal_session",
        sa.Column("token", sa.LargeBinary(), nullable=False, comment="SHA-256 of the cookie's random bytes"),
        sa.Column(
            "subject", sa.BigInteger(), nullable=True, comment="who is in; null: only the stop page of a shared address"
        ),
        sa.Column(
            "address",
            sa.LargeBinary(),
            nullable=True,
            comment="random number of the sealed address that was proven; null: by letter",
        ),
        sa.Column("how", sa.Text(), nullable=False, comment="mail, letter or embed"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="signed in"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, comment="void after"),
        sa.PrimaryKeyConstraint("token"),
        comment="Visits to the portal under way; rows go when void",
    )
    op.create_index("portal_session_by_expiry", "portal_session", ["expires_at"], unique=False)
    op.create_table(
        "price_activation",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="number",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="policy name"),
        sa.Column("version", sa.Integer(), nullable=False, comment="policy version"),
        sa.Column("disparity_run", sa.BigInteger(), nullable=False, comment="the verdict it rests on"),
        sa.Column("activated_at", sa.BigInteger(), nullable=False, comment="in force from"),
        sa.Column("activated_by", sa.Text(), nullable=False, comment="role and handle"),
        sa.Column("ended_at", sa.BigInteger(), nullable=True, comment="in force until"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", "version", "disparity_run", name="one_activation_per_verdict"),
        comment="When which price policy was in force, and on which verdict",
    )
    op.create_table(
        "price_policy",
        sa.Column("name", sa.Text(), nullable=False, comment="name of the policy"),
        sa.Column(
            "version", sa.Integer(), autoincrement=False, nullable=False, comment="counts up; a version never changes"
        ),
        sa.Column("document", sa.Text(), nullable=False, comment="canonical JSON"),
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the document"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="defined"),
        sa.Column("created_by", sa.Text(), nullable=False, comment="role and handle"),
        sa.PrimaryKeyConstraint("name", "version"),
        comment="Which segment gets which discount",
    )
    op.create_table(
        "profile",
        sa.Column(
            "subject",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="whose",
        ),
        sa.Column(
            "attributes",
            sa.Text(),
            nullable=False,
            comment="JSON object: catalogue field key to value; amounts in minor units, dates ISO",
        ),
        sa.Column(
            "observed_on",
            sa.Integer(),
            nullable=False,
            comment="day number (days since 1970-01-01) the values were stated",
        ),
        sa.Column(
            "observed",
            sa.Text(),
            nullable=True,
            comment="JSON object: field key to day number where it differs from observed_on",
        ),
        sa.PrimaryKeyConstraint("subject"),
        comment="Permitted catalogue fields of a subject; nothing else of a file ever arrives here",
    )
    op.create_table(
        "staff",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="number",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="sign-in name"),
        sa.Column("handle", sa.Text(), nullable=False, comment="random; stands for the person in the log"),
        sa.Column("role", sa.Text(), nullable=False, comment="dpo, marketing, desk, steward, admin or auditor"),
        sa.Column("password", sa.Text(), nullable=False, comment="argon2id hash"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="when the account was made"),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True, comment="no sign-in since"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("handle"),
        sa.UniqueConstraint("name"),
        comment="Who may sign in to the console",
    )
    op.create_table(
        "staff_session",
        sa.Column("token", sa.LargeBinary(), nullable=False, comment="SHA-256 of the cookie's 32 random bytes"),
        sa.Column("staff", sa.BigInteger(), nullable=False, comment="whose"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="signed in"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, comment="void after"),
        sa.PrimaryKeyConstraint("token"),
        comment="Sessions under way; the cookie itself is never stored",
    )
    op.create_table(
        "subject",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="never leaves this database",
        ),
        sa.Column("pseudonym", sa.LargeBinary(), nullable=False, comment="16 random bytes; the vault knows whose"),
        sa.Column("unit", sa.Text(), nullable=False, comment="contact or account"),
        sa.Column("natural", sa.Boolean(), nullable=False, comment="a natural person; unknown counts as one"),
        sa.Column("account", sa.BigInteger(), nullable=True, comment="of a contact: the subject id of its company"),
        sa.Column(
            "parent", sa.BigInteger(), nullable=True, comment="of an account: the subject id of its parent company"
        ),
        sa.Column(
            "counterparty",
            sa.Text(),
            nullable=False,
            comment="consumer, business or unknown (unknown counts as consumer)",
        ),
        sa.Column(
            "role_mailbox", sa.Boolean(), nullable=False, comment="its e-mail address is a shared mailbox such as info@"
        ),
        sa.Column("minor", sa.Boolean(), nullable=True, comment="under 16; null when unknown"),
        sa.Column(
            "contract_active",
            sa.Boolean(),
            nullable=True,
            comment="a contract runs; null when unknown, which counts as no",
        ),
        sa.Column(
            "informed_at",
            sa.BigInteger(),
            nullable=True,
            comment="when it was informed under Article 13 or 14 GDPR; null: not yet",
        ),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="first import"),
        sa.Column("updated_at", sa.BigInteger(), nullable=False, comment="last import that changed something"),
        sa.Column("restricted_at", sa.BigInteger(), nullable=True, comment="restricted under Article 18 GDPR since"),
        sa.Column(
            "erased_at",
            sa.BigInteger(),
            nullable=True,
            comment="erased under Article 17 GDPR since; committed before the vault is touched",
        ),
        sa.CheckConstraint("counterparty IN ('consumer', 'business', 'unknown')", name="known_counterparty"),
        sa.CheckConstraint("unit = 'account' OR parent IS NULL", name="only_accounts_have_parents"),
        sa.CheckConstraint("unit = 'contact' OR account IS NULL", name="only_contacts_have_accounts"),
        sa.CheckConstraint("unit IN ('contact', 'account')", name="known_unit"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("pseudonym"),
        comment="Everybody and every company we hold, under a number",
    )
    op.create_index("subject_by_account", "subject", ["account"], unique=False)
    op.create_table(
        "webhook",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="number",
        ),
        sa.Column("url", sa.Text(), nullable=False, comment="https address of the controller's own system"),
        sa.Column("secret", sa.LargeBinary(), nullable=False, comment="sealed signing secret"),
        sa.Column("label", sa.Text(), nullable=False, comment="what it is, such as CRM"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="registered"),
        sa.Column("created_by", sa.Text(), nullable=False, comment="role and handle"),
        sa.Column("ended_at", sa.BigInteger(), nullable=True, comment="called no more since"),
        sa.PrimaryKeyConstraint("id"),
        comment="Systems of the controller that hear of every change of a permission",
    )
    op.create_table(
        "webhook_delivery",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
            comment="number",
        ),
        sa.Column("webhook", sa.BigInteger(), nullable=False, comment="to whom"),
        sa.Column("event", sa.Text(), nullable=False, comment="random id, the same at every attempt"),
        sa.Column("entry", sa.BigInteger(), nullable=False, comment="log index of what changed"),
        sa.Column("subject", sa.BigInteger(), nullable=False, comment="whose permission changed"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="when it changed"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="how often it was sent"),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True, comment="answered with 2xx"),
        sa.Column("failed_at", sa.BigInteger(), nullable=True, comment="given up; can be sent again by hand"),
        sa.Column("answer", sa.Text(), nullable=True, comment="last status or kind of failure, a token"),
        sa.PrimaryKeyConstraint("id"),
        comment="Which change reached which system, and when",
    )
    op.create_index("webhook_delivery_by_subject", "webhook_delivery", ["subject"], unique=False)
    op.create_table(
        "blocked_address",
        sa.Column(
            "hash",
            sa.LargeBinary(),
            nullable=False,
            comment="nested HMAC-SHA-256 of kind, match form and purpose, if for one",
        ),
        sa.Column("born", sa.Integer(), nullable=False, comment="epoch of the block key it was first hashed under"),
        sa.Column("epoch", sa.Integer(), nullable=False, comment="epoch of the outermost key"),
        sa.Column("form", sa.SmallInteger(), nullable=False, comment="version of the canonical form"),
        sa.Column("added_at", sa.BigInteger(), nullable=False, comment="when it was blocked"),
        sa.PrimaryKeyConstraint("hash"),
        comment="Addresses nobody may advertise to; retention: as long as the objection holds, no holder: it names nobody",
        sqlite_with_rowid=False,
    )
    op.create_index("blocked_address_by_epoch", "blocked_address", ["epoch"], unique=False)
    op.create_table(
        "channel_use",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="order",
        ),
        sa.Column("subject", sa.BigInteger(), nullable=False, comment="who was addressed"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="purpose key"),
        sa.Column("channel", sa.Text(), nullable=False, comment="channel used"),
        sa.Column("used_at", sa.BigInteger(), nullable=False, comment="when the consent was used"),
        sa.Column(
            "export",
            sa.BigInteger(),
            nullable=True,
            comment="export that carried the number out; null: recorded by hand",
        ),
        sa.PrimaryKeyConstraint("seq"),
        comment="Uses of a consent: each starts the five years of § 7a UWG anew; INSERT and SELECT only",
    )
    op.create_index("channel_use_by_subject", "channel_use", ["subject", "used_at"], unique=False)
    op.create_table(
        "confirmation",
        sa.Column(
            "token", sa.LargeBinary(), nullable=False, comment="SHA-256 of at least 128 random bits; never the bits"
        ),
        sa.Column("subject", sa.BigInteger(), nullable=True, comment="who asked; null: nobody we know yet"),
        sa.Column(
            "address", sa.LargeBinary(), nullable=False, comment="random number of the sealed address in the vault"
        ),
        sa.Column("purpose", sa.Text(), nullable=False, comment="purpose key"),
        sa.Column("channel", sa.Text(), nullable=False, comment="email"),
        sa.Column("language", sa.Text(), nullable=False, comment="of the notice shown"),
        sa.Column("notice", sa.LargeBinary(), nullable=False, comment="hash of the notice shown"),
        sa.Column("requested_at", sa.BigInteger(), nullable=False, comment="when it was asked for"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False, comment="the request vanishes then"),
        sa.PrimaryKeyConstraint("token"),
        comment="Double opt-in requests nobody confirmed yet; a confirmed or void one leaves no row",
    )
    op.create_index("confirmation_by_expiry", "confirmation", ["expires_at"], unique=False)
    op.create_table(
        "declaration",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="order of arrival",
        ),
        sa.Column("subject", sa.BigInteger(), nullable=False, comment="who declared"),
        sa.Column("act", sa.Text(), nullable=False, comment="given, withdrawn, objected …"),
        sa.Column("scope", sa.Text(), nullable=False, comment="purpose, general, marketing or profiling"),
        sa.Column("purpose", sa.Text(), nullable=True, comment="purpose key; null for a general objection"),
        sa.Column("channel", sa.Text(), nullable=True, comment="channel; null for the processing itself"),
        sa.Column(
            "field", sa.Text(), nullable=True, comment="catalogue field of a partial objection or a narrowed consent"
        ),
        sa.Column("said_at", sa.BigInteger(), nullable=False, comment="when it was said"),
        sa.Column("received_at", sa.BigInteger(), nullable=False, comment="when it reached us"),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="subject, desk_for_subject, controller_api, import or signal"
        ),
        sa.Column("notice", sa.LargeBinary(), nullable=True, comment="hash of the notice shown"),
        sa.Column("valid_until", sa.BigInteger(), nullable=True, comment="a consent's expiry"),
        sa.Column(
            "evidence_said_at", sa.BigInteger(), nullable=True, comment="when the act happened that the evidence shows"
        ),
        sa.Column(
            "evidence", sa.LargeBinary(), nullable=True, comment="sealed under the subject's evidence key; null: none"
        ),
        sa.Column("batch", sa.BigInteger(), nullable=True, comment="import_record that brought it"),
        sa.PrimaryKeyConstraint("seq"),
        comment="What people declared; INSERT and SELECT only",
    )
    op.create_index("declaration_by_subject", "declaration", ["subject", "seq"], unique=False)
    op.create_table(
        "ground",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="order",
        ),
        sa.Column("subject", sa.BigInteger(), nullable=False, comment="whom it is about"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="purpose key"),
        sa.Column("channel", sa.Text(), nullable=False, comment="email, sms or phone"),
        sa.Column(
            "kind", sa.Text(), nullable=False, comment="a fact of § 7(3) UWG, or presumed_consent of § 7(2) no. 1"
        ),
        sa.Column("holds", sa.SmallInteger(), nullable=False, comment="1: shown to hold; 0: ended or found wrong"),
        sa.Column("since", sa.BigInteger(), nullable=False, comment="when the fact arose"),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False, comment="when it was recorded"),
        sa.Column("evidence", sa.LargeBinary(), nullable=False, comment="sealed under the subject's evidence key"),
        sa.PrimaryKeyConstraint("seq"),
        comment="Facts that open a channel without express consent, each with its evidence; INSERT and SELECT only",
    )
    op.create_index("ground_by_subject", "ground", ["subject", "seq"], unique=False)
    op.create_table(
        "notice",
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="SHA-256 of the text as shown"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="purpose key"),
        sa.Column("version", sa.Text(), nullable=False, comment="version the catalogue gives it"),
        sa.Column("language", sa.Text(), nullable=False, comment="de or en"),
        sa.Column("text", sa.Text(), nullable=False, comment="byte for byte what was shown"),
        sa.Column("since", sa.BigInteger(), nullable=False, comment="first in force"),
        sa.Column(
            "material",
            sa.SmallInteger(),
            nullable=False,
            comment="1: who consented to an earlier version is asked again",
        ),
        sa.PrimaryKeyConstraint("hash"),
        comment="Every notice text that was ever shown (Article 7(1) GDPR)",
    )
    op.create_table(
        "objection",
        sa.Column(
            "subject",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="who objected",
        ),
        sa.Column(
            "general_at",
            sa.BigInteger(),
            nullable=True,
            comment="objected to all processing for legitimate interests since",
        ),
        sa.Column("marketing_at", sa.BigInteger(), nullable=True, comment="objected to direct marketing since"),
        sa.Column("profiling_at", sa.BigInteger(), nullable=True, comment="objected to profiling since"),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="last declaration taken in"),
        sa.PrimaryKeyConstraint("subject"),
        comment="Objections that reach beyond one purpose; sparse",
    )
    op.create_table(
        "open_channel",
        sa.Column("purpose", sa.Text(), nullable=False, comment="purpose key"),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False, comment="whose"),
        sa.Column(
            "customer", sa.Integer(), nullable=False, comment="bit mask of channels with every fact of § 7(3) UWG"
        ),
        sa.Column(
            "presumed", sa.Integer(), nullable=False, comment="bit mask of channels with a recorded presumed consent"
        ),
        sa.PrimaryKeyConstraint("purpose", "subject"),
        comment="Channels open without express consent; computed from ground, sparse",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "standing",
        sa.Column("purpose", sa.Text(), nullable=False, comment="purpose key"),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False, comment="whose"),
        sa.Column(
            "state", sa.Text(), nullable=True, comment="consent state for the processing itself; null: never asked"
        ),
        sa.Column("valid_until", sa.BigInteger(), nullable=True, comment="expiry of the consent"),
        sa.Column(
            "granted_at",
            sa.BigInteger(),
            nullable=True,
            comment="the subject's own act behind the consent; null: none shown, outranks no objection",
        ),
        sa.Column(
            "objected",
            sa.SmallInteger(),
            nullable=False,
            comment="1: objection to this purpose, or refusal or withdrawal of all of it",
        ),
        sa.Column("channels", sa.Integer(), nullable=False, comment="bit mask of channels with consent"),
        sa.Column(
            "channels_denied",
            sa.Integer(),
            nullable=False,
            comment="bit mask of channels refused, withdrawn or objected to",
        ),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="last declaration taken in"),
        sa.PrimaryKeyConstraint("purpose", "subject"),
        comment="Where a subject stands for one purpose; sparse",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "withheld",
        sa.Column("purpose", sa.Text(), nullable=False, comment="purpose key; empty: for every purpose"),
        sa.Column("field", sa.Text(), nullable=False, comment="catalogue field key"),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False, comment="who withholds it"),
        sa.Column(
            "released",
            sa.SmallInteger(),
            nullable=False,
            comment="1: released for this purpose although withheld for every other",
        ),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="declaration that did it"),
        sa.PrimaryKeyConstraint("purpose", "field", "subject"),
        comment="Fields somebody withholds for a purpose; sparse",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "assignment",
        sa.Column("run", sa.BigInteger(), autoincrement=False, nullable=False, comment="the run"),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False, comment="who"),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="leaf position in the run's batch"),
        sa.Column(
            "effective",
            sa.SmallInteger(),
            nullable=False,
            comment="segment number after stability, correction and suppression; -1 none",
        ),
        sa.Column("record", sa.LargeBinary(), nullable=False, comment="packed record that the leaf covers"),
        sa.Column("random", sa.LargeBinary(), nullable=False, comment="16 random bytes of this leaf alone"),
        sa.Column(
            "locator",
            sa.BigInteger(),
            nullable=False,
            comment="first 4 bytes of the leaf hash: names the row that was altered",
        ),
        sa.PrimaryKeyConstraint("run", "subject"),
        comment="One record per person and run, clustered by run and subject",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "correction",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="number; stands in the records it changed",
        ),
        sa.Column("scheme", sa.Text(), nullable=False, comment="scheme"),
        sa.Column("subject", sa.BigInteger(), nullable=False, comment="who"),
        sa.Column("kind", sa.Text(), nullable=False, comment="move, pin or out"),
        sa.Column("segment", sa.Text(), nullable=True, comment="segment key of a move; null for out"),
        sa.Column("reason", sa.LargeBinary(), nullable=False, comment="why, sealed under the subject's evidence key"),
        sa.Column("author", sa.Text(), nullable=False, comment="role and handle"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="in force since"),
        sa.Column(
            "review_on",
            sa.Integer(),
            nullable=False,
            comment="day number of the review: a task then, never a silent revert",
        ),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True, comment="lifted by a human at"),
        sa.Column("lifted_by", sa.Text(), nullable=True, comment="role and handle"),
        sa.PrimaryKeyConstraint("id"),
        comment="What the complaint desk decided; outranks every run until lifted (Articles 16 and 22(3) GDPR)",
    )
    op.create_index("correction_by_scheme", "correction", ["scheme", "subject"], unique=False)
    op.create_table(
        "definition",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the canonical document"),
        sa.Column("scheme", sa.Text(), nullable=False, comment="name of the scheme"),
        sa.Column(
            "version", sa.Integer(), nullable=False, comment="counts up within a scheme; never changes once stored"
        ),
        sa.Column("document", sa.Text(), nullable=False, comment="canonical JSON of the closed vocabulary"),
        sa.Column("created_at", sa.BigInteger(), nullable=False, comment="defined"),
        sa.Column("created_by", sa.Text(), nullable=False, comment="role and handle"),
        sa.PrimaryKeyConstraint("digest"),
        sa.UniqueConstraint("scheme", "version", name="one_version"),
        comment="What a scheme was, version by version",
    )
    op.create_table(
        "export",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="number",
        ),
        sa.Column(
            "document",
            sa.Text(),
            nullable=False,
            comment="canonical JSON of the request: purpose, recipient, channel, fields, validity",
        ),
        sa.Column(
            "state", sa.Text(), nullable=False, comment="requested, approved, built, released, expired or refused"
        ),
        sa.Column("requested_at", sa.BigInteger(), nullable=False, comment="when"),
        sa.Column("requested_by", sa.Text(), nullable=False, comment="role and handle"),
        sa.Column("approved_by", sa.Text(), nullable=True, comment="role and handle"),
        sa.Column("manifest", sa.Text(), nullable=True, comment="JSON: counts, excluded by reason, watermark, sha256"),
        sa.Column("expires_at", sa.BigInteger(), nullable=True, comment="no download after"),
        sa.Column(
            "build",
            sa.LargeBinary(),
            nullable=True,
            comment="random mark of the newest build; an older one that still works gives up",
        ),
        sa.PrimaryKeyConstraint("id"),
        comment="Export requests and their manifests; no file is kept",
    )
    op.create_table(
        "export_row",
        sa.Column("export", sa.BigInteger(), autoincrement=False, nullable=False, comment="which export"),
        sa.Column("subject", sa.BigInteger(), autoincrement=False, nullable=False, comment="who was in it"),
        sa.Column("pseudonym", sa.LargeBinary(), nullable=False, comment="16 random bytes, of this export alone"),
        sa.PrimaryKeyConstraint("export", "subject"),
        comment="Recipient ledger: who left the house in which export (Articles 15(1)(c) and 19 GDPR)",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model",
        sa.Column("digest", sa.LargeBinary(), nullable=False, comment="SHA-256 of the canonical document"),
        sa.Column("definition", sa.LargeBinary(), nullable=False, comment="definition it was fitted for"),
        sa.Column(
            "document", sa.Text(), nullable=False, comment="canonical JSON: means, scales, centroids, cut points, rules"
        ),
        sa.Column("fitted_at", sa.BigInteger(), nullable=False, comment="when"),
        sa.PrimaryKeyConstraint("digest"),
        comment="Scoring models as data; nothing is ever unpickled or evaluated",
    )
    op.create_table(
        "run",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="number; the batch of its leaves has the same",
        ),
        sa.Column("scheme", sa.Text(), nullable=False, comment="scheme"),
        sa.Column("definition", sa.LargeBinary(), nullable=False, comment="definition digest"),
        sa.Column("model", sa.LargeBinary(), nullable=True, comment="model digest; null until fitted"),
        sa.Column("state", sa.Text(), nullable=False, comment="staged (invisible), live, superseded or swept"),
        sa.Column(
            "now", sa.BigInteger(), nullable=False, comment="the instant every feature and permission was computed for"
        ),
        sa.Column(
            "watermark", sa.BigInteger(), nullable=False, comment="log size when the permitted population was read"
        ),
        sa.Column("population", sa.LargeBinary(), nullable=True, comment="digest of the permitted population"),
        sa.Column("size", sa.BigInteger(), nullable=True, comment="records, leavers included"),
        sa.Column("fact", sa.BigInteger(), nullable=True, comment="index of run:published in the log"),
        sa.Column("previous", sa.BigInteger(), nullable=True, comment="run it replaced"),
        sa.Column(
            "report", sa.Text(), nullable=True, comment="JSON: exact counts, left out by reason, quality, stability"
        ),
        sa.Column("published_at", sa.BigInteger(), nullable=True, comment="live since"),
        sa.PrimaryKeyConstraint("id"),
        comment="Each run; visible only when live",
    )
    op.create_index("run_by_scheme", "run", ["scheme", "id"], unique=False)
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("run_by_scheme", table_name="run")
    op.drop_table("run")
    op.drop_table("model")
    op.drop_table("export_row")
    op.drop_table("export")
    op.drop_table("definition")
    op.drop_index("correction_by_scheme", table_name="correction")
    op.drop_table("correction")
    op.drop_table("assignment")
    op.drop_table("withheld")
    op.drop_table("standing")
    op.drop_table("open_channel")
    op.drop_table("objection")
    op.drop_table("notice")
    op.drop_index("ground_by_subject", table_name="ground")
    op.drop_table("ground")
    op.drop_index("declaration_by_subject", table_name="declaration")
    op.drop_table("declaration")
    op.drop_index("confirmation_by_expiry", table_name="confirmation")
    op.drop_table("confirmation")
    op.drop_index("channel_use_by_subject", table_name="channel_use")
    op.drop_table("channel_use")
    op.drop_index("blocked_address_by_epoch", table_name="blocked_address")
    op.drop_table("blocked_address")
    op.drop_index("webhook_delivery_by_subject", table_name="webhook_delivery")
    op.drop_table("webhook_delivery")
    op.drop_table("webhook")
    op.drop_index("subject_by_account", table_name="subject")
    op.drop_table("subject")
    op.drop_table("staff_session")
    op.drop_table("staff")
    op.drop_table("profile")
    op.drop_table("price_policy")
    op.drop_table("price_activation")
    op.drop_index("portal_session_by_expiry", table_name="portal_session")
    op.drop_table("portal_session")
    op.drop_index("portal_link_by_expiry", table_name="portal_link")
    op.drop_table("portal_link")
    op.drop_index("outbox_by_due", table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("key_check")
    op.drop_table("import_record")
    op.drop_table("idempotency")
    op.drop_table("disparity_run")
    op.drop_table("catalogue_version")
    op.drop_table("api_token")
    op.drop_table("activity")
    op.drop_table("shredded_leaf")
    op.drop_index("log_subject_by_entry", table_name="log_subject")
    op.drop_table("log_subject")
    op.drop_table("log_node")
    op.drop_index("log_leaf_by_kind", table_name="log_leaf")
    op.drop_table("log_leaf")
    op.drop_table("log_head")
    op.drop_table("log_checkpoint")
    op.drop_table("batch_tile")
    op.drop_table("batch")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION IF EXISTS lauter_append_only()")
