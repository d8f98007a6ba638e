"""Orders and other acts of permitted subjects as a relation that runs inside the database.

Nobody who is left out, and nobody who withholds the field, has a row in it; the field's window bounds the days
(PRI-5). With unit account the subject is the account: orders that a contact placed for a company count for the company
without naming the contact. Where the account is itself a person (a sole trader), a contact's orders count only if that
contact is permitted too. Orders of erased and of restricted contacts never count (Articles 17 and 18 GDPR).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import ibis

from consent.freshness import oldest_day, today_number
from consent.relations import SUBJECT, Expression, permitted_ids, withheld_subjects
from governance.vocabulary import Channel, Unit

if TYPE_CHECKING:
    from governance.fields import Field
    from governance.purposes import Purpose

ACTIVITY = ibis.table(
    {
        "owner": "int64", "day": "int64", "seq": "int64", "kind": "string", "amount": "int64", "quantity": "int64",
        "occasion": "int64", "currency": "string", "category": "string",
    },
    name="activity",
)  # fmt: skip
COLUMNS = ("subject", "day", "kind", "amount", "quantity", "occasion", "currency", "category")


def activities_of(
    purpose: Purpose, unit: Unit, field: Field, category: Field | None, *, now: datetime, channel: Channel | None
) -> Expression:
    """The relation with `COLUMNS`; `category` is null without a category field and for those who withhold it."""
    owners = _owners(purpose, unit, field.key, now, channel)
    rows = ACTIVITY.filter(ACTIVITY.day <= today_number(now))
    if field.window is not None:
        rows = rows.filter(rows.day >= oldest_day(field.window, now))
    joined = owners.join(rows, owners.owner == rows.owner)
    if category is None:
        return joined.select(*COLUMNS[:-1], category=ibis.null("string"))
    return _with_category(joined, purpose, category, now)


def _with_category(joined: Expression, purpose: Purpose, category: Field, now: datetime) -> Expression:
    hidden = withheld_subjects(purpose.key, category.key).select(hider="subject")
    of_subject, of_owner = hidden.view(), hidden.view()
    rows = joined.select(*COLUMNS, "owner", "personal").left_join(of_subject, joined.subject == of_subject.hider)
    rows = rows.select(*COLUMNS, "owner", "personal", by_subject=of_subject.hider)
    rows = rows.left_join(of_owner, rows.owner == of_owner.hider)
    shown = rows.by_subject.isnull() & (rows.hider.isnull() | ~rows.personal)
    if category.window is not None:
        shown = shown & (rows.day >= oldest_day(category.window, now))
    return rows.select(*COLUMNS[:-1], category=ibis.cases((shown, rows.category), else_=ibis.null("string")))


def _owners(purpose: Purpose, unit: Unit, field: str, now: datetime, channel: Channel | None) -> Expression:
    """Columns `owner`, `subject` and whether the owner's rows are personal data of the owner."""
    permitted = permitted_ids(purpose, now=now, unit=unit, channel=channel)
    withheld = withheld_subjects(purpose.key, field)
    allowed = permitted.anti_join(withheld, permitted.id == withheld.subject).select("id")
    own = allowed.select(owner=allowed.id, subject=allowed.id, personal=ibis.literal(True))
    if unit is Unit.CONTACT:
        return own
    return own.union(_contacts_of(allowed, purpose, field, now), distinct=False)


def _contacts_of(accounts: Expression, purpose: Purpose, field: str, now: datetime) -> Expression:
    companies = SUBJECT.view()
    contacts = SUBJECT.filter(
        (SUBJECT.unit == Unit.CONTACT.value) & SUBJECT.erased_at.isnull() & SUBJECT.restricted_at.isnull()
    ).select(owner="id", of="account")
    contacts = contacts.join(accounts, contacts.of == accounts.id).select("owner", "of")
    contacts = contacts.join(companies, contacts.of == companies.id).select("owner", "of", personal=companies.natural)
    own = permitted_ids(purpose, now=now, unit=Unit.CONTACT).select(allowed="id")
    hidden = withheld_subjects(purpose.key, field).select(hider="subject")
    own = own.anti_join(hidden, own.allowed == hidden.hider)
    checked = contacts.left_join(own, contacts.owner == own.allowed)
    checked = checked.filter(checked.allowed.notnull() | ~checked.personal)
    return checked.select(owner=checked.owner, subject=checked.of, personal=checked.personal)
