"""Who may open which page and do what: one table, read by the routes, the navigation and the tests.

Marketing and the officer are different people (Article 38 GDPR, GOV-7): nobody who writes rules decides about a
single person, and nobody who approves an export has asked for it. The administrator keeps accounts and keys and sees
no data at all.
"""

from __future__ import annotations

from enum import StrEnum

from governance.vocabulary import Role


class Right(StrEnum):
    """What a role may see or do."""

    OVERVIEW = "overview"
    CONTACTS = "contacts"
    IMPORT = "import"
    SEGMENTS = "segments"
    DEFINE = "define"
    APPROVE_SCHEME = "approve_scheme"
    RUN = "run"
    PERSON = "person"
    CORRECT = "correct"
    PRICES = "prices"
    DEFINE_PRICE = "define_price"
    CHECK_PRICE = "check_price"
    ACTIVATE_PRICE = "activate_price"
    EXPORTS = "exports"
    REQUEST_EXPORT = "request_export"
    APPROVE_EXPORT = "approve_export"
    DOWNLOAD_EXPORT = "download_export"
    LOG = "log"
    METRICS = "metrics"
    RECORDS = "records"
    COMPLIANCE = "compliance"
    BUNDLE = "bundle"
    VERIFY = "verify"
    ACCOUNTS = "accounts"
    LETTER = "letter"
    WEBHOOKS = "webhooks"
    KEEP_WEBHOOKS = "keep_webhooks"
    DECLARE = "declare"
    ACKNOWLEDGE = "acknowledge"
    EXACT = "exact"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.DPO: frozenset(
        {
            Right.OVERVIEW, Right.CONTACTS, Right.SEGMENTS, Right.PERSON, Right.PRICES, Right.CHECK_PRICE,
            Right.APPROVE_SCHEME, Right.EXPORTS, Right.APPROVE_EXPORT, Right.LOG, Right.RECORDS, Right.BUNDLE,
            Right.COMPLIANCE, Right.ACKNOWLEDGE, Right.METRICS, Right.VERIFY, Right.EXACT, Right.WEBHOOKS,
        }
    ),
    Role.MARKETING: frozenset(
        {
            Right.OVERVIEW, Right.CONTACTS, Right.SEGMENTS, Right.DEFINE, Right.RUN, Right.PRICES, Right.DEFINE_PRICE,
            Right.CHECK_PRICE, Right.ACTIVATE_PRICE, Right.EXPORTS, Right.REQUEST_EXPORT, Right.DOWNLOAD_EXPORT,
        }
    ),
    Role.DESK: frozenset({Right.OVERVIEW, Right.SEGMENTS, Right.PERSON, Right.CORRECT, Right.LETTER, Right.DECLARE}),
    Role.STEWARD: frozenset(
        {
            Right.OVERVIEW, Right.CONTACTS, Right.IMPORT, Right.SEGMENTS, Right.RUN, Right.WEBHOOKS,
            Right.KEEP_WEBHOOKS,
        }
    ),
    Role.ADMIN: frozenset({Right.OVERVIEW, Right.ACCOUNTS, Right.VERIFY, Right.WEBHOOKS, Right.KEEP_WEBHOOKS}),
    Role.AUDITOR: frozenset(
        {
            Right.OVERVIEW, Right.CONTACTS, Right.SEGMENTS, Right.PRICES, Right.EXPORTS, Right.LOG, Right.RECORDS,
            Right.COMPLIANCE, Right.METRICS, Right.VERIFY, Right.EXACT, Right.WEBHOOKS,
        }
    ),
    Role.OPERATOR: frozenset(Right),
    Role.ENGINE: frozenset(),
    Role.SUBJECT: frozenset(),
}  # fmt: skip


def may(role: Role, right: Right) -> bool:
    """Whether the role has the right; what the table does not name is refused."""
    return right in RIGHTS.get(role, frozenset())
