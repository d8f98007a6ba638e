"""The work database's tables about contacts, accounts, their activities, the staff and the prices.

A subject is a 64-bit integer here and nothing else: names, addresses and references lie sealed in the vault, another
database. An account has a row in `subject` too, so that activities and assignments know one kind of key; `natural`
says whether it is a person (a sole trader) and the rights of Chapter III GDPR apply.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from audit.database import Instant

METADATA = MetaData()

subject = Table(
    "subject",
    METADATA,
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="never leaves this database",
    ),
    Column("pseudonym", LargeBinary, nullable=False, unique=True, comment="16 random bytes; the vault knows whose"),
    Column("unit", Text, nullable=False, comment="contact or account"),
    Column("natural", Boolean, nullable=False, comment="a natural person; unknown counts as one"),
    Column("account", BigInteger, comment="of a contact: the subject id of its company"),
    Column("parent", BigInteger, comment="of an account: the subject id of its parent company"),
    Column("counterparty", Text, nullable=False, comment="consumer, business or unknown (unknown counts as consumer)"),
    Column("role_mailbox", Boolean, nullable=False, comment="its e-mail address is a shared mailbox such as info@"),
    Column("minor", Boolean, comment="under 16; null when unknown"),
    Column("contract_active", Boolean, comment="a contract runs; null when unknown, which counts as no"),
    Column("informed_at", Instant, comment="when it was informed under Article 13 or 14 GDPR; null: not yet"),
    Column("created_at", Instant, nullable=False, comment="first import"),
    Column("updated_at", Instant, nullable=False, comment="last import that changed something"),
    Column("restricted_at", Instant, comment="restricted under Article 18 GDPR since"),
    Column("erased_at", Instant, comment="erased under Article 17 GDPR since; committed before the vault is touched"),
    CheckConstraint("unit IN ('contact', 'account')", name="known_unit"),
    CheckConstraint("counterparty IN ('consumer', 'business', 'unknown')", name="known_counterparty"),
    CheckConstraint("unit = 'account' OR parent IS NULL", name="only_accounts_have_parents"),
    CheckConstraint("unit = 'contact' OR account IS NULL", name="only_contacts_have_accounts"),
    Index("subject_by_account", "account"),
    comment="Everybody and every company we hold, under a number",
)

profile = Table(
    "profile",
    METADATA,
    Column(
        "subject", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, comment="whose"
    ),
    Column(
        "attributes",
        Text,
        nullable=False,
        comment="JSON object: catalogue field key to value; amounts in minor units, dates ISO",
    ),
    Column("observed_on", Integer, nullable=False, comment="day number (days since 1970-01-01) the values were stated"),
    Column("observed", Text, comment="JSON object: field key to day number where it differs from observed_on"),
    comment="Permitted catalogue fields of a subject; nothing else of a file ever arrives here",
)

activity = Table(
    "activity",
    METADATA,
    Column(
        "owner",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="the contact if it is known, else the account",
    ),
    Column("day", Integer, primary_key=True, autoincrement=False, comment="days since 1970-01-01"),
    Column(
        "seq",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        comment="keyed hash of reference, content and repetition: a repeated import changes nothing",
    ),
    Column("kind", Text, nullable=False, comment="order, return or another kind named in the catalogue"),
    Column("amount", BigInteger, nullable=False, comment="minor units of the currency; returns negative"),
    Column("quantity", BigInteger, comment="pieces; returns negative"),
    Column("occasion", BigInteger, nullable=False, comment="keyed hash of the invoice: lines of one order share it"),
    Column("currency", Text, nullable=False, comment="ISO 4217 code"),
    Column("category", Text, comment="product category"),
    Column("batch", BigInteger, nullable=False, comment="import_record that brought it"),
    comment="Orders, returns and other acts, clustered by owner and day",
    sqlite_with_rowid=False,
)

import_record = Table(
    "import_record",
    METADATA,
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="number of the import",
    ),
    Column("kind", Text, nullable=False, comment="contacts, accounts, activities, consents, grounds or attributes"),
    Column("started_at", Instant, nullable=False, comment="when it began"),
    Column("finished_at", Instant, comment="null while under way, or when it was killed"),
    Column("actor", Text, nullable=False, comment="role and handle"),
    Column("mapping", LargeBinary, nullable=False, comment="SHA-256 of the mapping"),
    Column("report", Text, comment="JSON: counts, dropped column count, row errors without values"),
    comment="Each import with its report; never a value of a row",
)

key_check = Table(
    "key_check",
    METADATA,
    Column("role", Text, primary_key=True, comment="what the key is for"),
    Column("epoch", Integer, primary_key=True, autoincrement=False, comment="counts up"),
    Column("value", LargeBinary, nullable=False, comment="16 bytes derived from the key; they tell nothing about it"),
    Column("since", Instant, nullable=False, comment="first used"),
    Column("destroyed_at", Instant, comment="destroyed on purpose; its file is gone since"),
    comment="Which keys belong to this house: a wrong file is noticed before it is used",
)

catalogue_version = Table(
    "catalogue_version",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, comment="SHA-256 of the text"),
    Column("document", Text, nullable=False, comment="the TOML as it was in force"),
    Column("since", Instant, nullable=False, comment="first seen in force"),
    comment="Every version of purposes and fields that was ever in force (Article 30 GDPR)",
)

staff = Table(
    "staff",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, comment="number"),
    Column("name", Text, nullable=False, unique=True, comment="sign-in name"),
    Column("handle", Text, nullable=False, unique=True, comment="random; stands for the person in the log"),
    Column("role", Text, nullable=False, comment="dpo, marketing, desk, steward, admin or auditor"),
    Column("password", Text, nullable=False, comment="argon2id hash"),
    Column("created_at", Instant, nullable=False, comment="when the account was made"),
    Column("disabled_at", Instant, comment="no sign-in since"),
    comment="Who may sign in to the console",
)

staff_session = Table(
    "staff_session",
    METADATA,
    Column("token", LargeBinary, primary_key=True, comment="SHA-256 of the cookie's 32 random bytes"),
    Column("staff", BigInteger, nullable=False, comment="whose"),
    Column("created_at", Instant, nullable=False, comment="signed in"),
    Column("expires_at", Instant, nullable=False, comment="void after"),
    comment="Sessions under way; the cookie itself is never stored",
)

api_token = Table(
    "api_token",
    METADATA,
    Column("token", LargeBinary, primary_key=True, comment="SHA-256 of the bearer token's 32 random bytes"),
    Column("label", Text, nullable=False, comment="what it is for"),
    Column("role", Text, nullable=False, comment="role it acts in"),
    Column("scopes", Text, nullable=False, comment="JSON array of scopes"),
    Column("created_at", Instant, nullable=False, comment="made"),
    Column("expires_at", Instant, nullable=False, comment="void after"),
    comment="Bearer tokens of the JSON API",
)

price_policy = Table(
    "price_policy",
    METADATA,
    Column("name", Text, primary_key=True, comment="name of the policy"),
    Column("version", Integer, primary_key=True, autoincrement=False, comment="counts up; a version never changes"),
    Column("document", Text, nullable=False, comment="canonical JSON"),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of the document"),
    Column("created_at", Instant, nullable=False, comment="defined"),
    Column("created_by", Text, nullable=False, comment="role and handle"),
    comment="Which segment gets which discount",
)

disparity_run = Table(
    "disparity_run",
    METADATA,
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="number of the check",
    ),
    Column("policy", LargeBinary, nullable=False, comment="digest of the policy that was checked"),
    Column("run", BigInteger, nullable=False, comment="the live run that was checked"),
    Column("attributes", LargeBinary, nullable=False, comment="digest of the protected attributes used"),
    Column("verdict", Text, nullable=False, comment="within_limits, disparity, not_enough_data or not_assessable"),
    Column(
        "report",
        Text,
        nullable=False,
        comment="JSON: thresholds, seed, groups of at least the minimum size with n and interval",
    ),
    Column("checked_at", Instant, nullable=False, comment="when"),
    Column("checked_by", Text, nullable=False, comment="role and handle"),
    comment="Every fairness check of a price policy; aggregates only",
)

price_activation = Table(
    "price_activation",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, comment="number"),
    Column("name", Text, nullable=False, comment="policy name"),
    Column("version", Integer, nullable=False, comment="policy version"),
    Column("disparity_run", BigInteger, nullable=False, comment="the verdict it rests on"),
    Column("activated_at", Instant, nullable=False, comment="in force from"),
    Column("activated_by", Text, nullable=False, comment="role and handle"),
    Column("ended_at", Instant, comment="in force until"),
    UniqueConstraint("name", "version", "disparity_run", name="one_activation_per_verdict"),
    comment="When which price policy was in force, and on which verdict",
)

outbox = Table(
    "outbox",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True, comment="number"),
    Column("kind", Text, nullable=False, comment="which worker takes it, such as mail_link or webhook"),
    Column("reference", Text, nullable=False, comment="JSON object of row numbers and keys only; nothing personal"),
    Column("due_at", Instant, nullable=False, comment="not before"),
    Column("attempts", Integer, nullable=False, comment="how often it was tried"),
    Column("leased_until", Instant, comment="somebody works on it until then"),
    Column("created_at", Instant, nullable=False, comment="in the transaction of what caused it"),
    Column("failed_at", Instant, comment="given up; stays for the operator"),
    Column("problem", Text, comment="kind of the last failure, a token; never a message"),
    Index("outbox_by_due", "failed_at", "due_at"),
    comment="Work to do after a commit; a done row is deleted",
)

portal_link = Table(
    "portal_link",
    METADATA,
    Column("token", LargeBinary, primary_key=True, comment="SHA-256 of at least 128 random bits; never the bits"),
    Column("kind", Text, nullable=False, comment="mail, letter, embed; wanted: a letter the desk is to write"),
    Column("subject", BigInteger, comment="whose; null when several share the address"),
    Column("address", LargeBinary, comment="random number of the sealed address in the vault; null: none needed"),
    Column("created_at", Instant, nullable=False, comment="made"),
    Column("expires_at", Instant, nullable=False, comment="void after"),
    Column("used_at", Instant, comment="opened a session; never again"),
    Index("portal_link_by_expiry", "expires_at"),
    comment="Single-use ways into the portal; rows go when void",
)

portal_session = Table(
    "portal_session",
    METADATA,
    Column("token", LargeBinary, primary_key=True, comment="SHA-256 of the cookie's random bytes"),
    Column("subject", BigInteger, comment="who is in; null: only the stop page of a shared address"),
    Column("address", LargeBinary, comment="random number of the sealed address that was proven; null: by letter"),
    Column("how", Text, nullable=False, comment="mail, letter or embed"),
    Column("created_at", Instant, nullable=False, comment="signed in"),
    Column("expires_at", Instant, nullable=False, comment="void after"),
    Index("portal_session_by_expiry", "expires_at"),
    comment="Visits to the portal under way; rows go when void",
)

webhook = Table(
    "webhook",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, comment="number"),
    Column("url", Text, nullable=False, comment="https address of the controller's own system"),
    Column("secret", LargeBinary, nullable=False, comment="sealed signing secret"),
    Column("label", Text, nullable=False, comment="what it is, such as CRM"),
    Column("created_at", Instant, nullable=False, comment="registered"),
    Column("created_by", Text, nullable=False, comment="role and handle"),
    Column("ended_at", Instant, comment="called no more since"),
    comment="Systems of the controller that hear of every change of a permission",
)

webhook_delivery = Table(
    "webhook_delivery",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True, comment="number"),
    Column("webhook", BigInteger, nullable=False, comment="to whom"),
    Column("event", Text, nullable=False, comment="random id, the same at every attempt"),
    Column("entry", BigInteger, nullable=False, comment="log index of what changed"),
    Column("subject", BigInteger, nullable=False, comment="whose permission changed"),
    Column("created_at", Instant, nullable=False, comment="when it changed"),
    Column("attempts", Integer, nullable=False, comment="how often it was sent"),
    Column("delivered_at", Instant, comment="answered with 2xx"),
    Column("failed_at", Instant, comment="given up; can be sent again by hand"),
    Column("answer", Text, comment="last status or kind of failure, a token"),
    Index("webhook_delivery_by_subject", "subject"),
    comment="Which change reached which system, and when",
)

idempotency = Table(
    "idempotency",
    METADATA,
    Column("key", LargeBinary, primary_key=True, comment="SHA-256 of caller and Idempotency-Key"),
    Column("request", LargeBinary, nullable=False, comment="SHA-256 of method, path and body"),
    Column("status", Integer, comment="answer; null while under way"),
    Column("answer", LargeBinary, comment="sealed body of the answer"),
    Column("created_at", Instant, nullable=False, comment="first seen; rows go after a day"),
    comment="Writes of the API that were done once already",
)

erasure = Table(
    "erasure",
    METADATA,
    Column(
        "subject",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment="whose; a number behind which nobody stands any more",
    ),
    Column(
        "handle", LargeBinary, nullable=False, unique=True, comment="16 random bytes: the erasure's name in the log"
    ),
    Column("ordered_at", Instant, nullable=False, comment="committed before the vault is touched; acts from here on"),
    Column("ordered_by", Text, nullable=False, comment="role and handle"),
    Column("retain_until", Instant, comment="evidence can be opened until then; null: destroyed with the rest"),
    Column("done_at", Instant, comment="every store is done; null: under way, the sweeper goes on"),
    Index("erasure_by_end", "done_at"),
    comment="Erasures ordered and done (Article 17 GDPR); retention: as the ledger, it names nobody",
)

saved_view = Table(
    "saved_view",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False, comment="number"),
    Column("owner", Text, nullable=False, comment="role and handle of whoever keeps it"),
    Column("name", Text, nullable=False, comment="what they call it; names nobody"),
    Column("query", Text, nullable=False, comment="filters of the log as an address has them; no person"),
    Column("created_at", Instant, nullable=False, comment="when"),
    comment="Searches of the log that somebody wants again",
)

seen_mark = Table(
    "seen_mark",
    METADATA,
    Column("owner", Text, primary_key=True, comment="role and handle"),
    Column("size", BigInteger, nullable=False, comment="entries of the log they have seen"),
    Column("at", Instant, nullable=False, comment="when they said so"),
    comment="Up to where somebody knows what happened",
)
