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
    if category is None:
        return owners.join(rows, "owner").select(*COLUMNS[:-1], category=ibis.null("string"))
    joined = _with_category_shown(owners, purpose, category).join(rows, "owner")
    shown = joined.category_shown
    if category.window is not None:
        shown = shown & (joined.day >= oldest_day(category.window, now))
    return joined.select(*COLUMNS[:-1], category=ibis.cases((shown, joined.category), else_=ibis.null("string")))


def _with_category_shown(owners: Expression, purpose: Purpose, category: Field) -> Expression:
    """Whether rows may say what was bought: neither the subject nor, where personal, the owner withholds it."""
    hidden = withheld_subjects(purpose.key, category.key)
    of_subject, of_owner = hidden.select(subject_hides="subject"), hidden.select(owner_hides="subject")
    rows = owners.left_join(of_subject, [("subject", "subject_hides")])
    rows = rows.select("owner", "subject", "personal", "subject_hides").left_join(of_owner, [("owner", "owner_hides")])
    shown = rows.subject_hides.isnull() & (rows.owner_hides.isnull() | ~rows.personal)
    return rows.select("owner", "subject", category_shown=shown)


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
    companies = SUBJECT.select("id", "natural")
    contacts = SUBJECT.filter(
        (SUBJECT.unit == Unit.CONTACT.value) & SUBJECT.erased_at.isnull() & SUBJECT.restricted_at.isnull()
    ).select(owner="id", of="account")
    contacts = contacts.join(accounts, contacts.of == accounts.id).select("owner", "of")
    contacts = contacts.join(companies, contacts.of == companies.id).select("owner", "of", personal="natural")
    own = permitted_ids(purpose, now=now, unit=Unit.CONTACT).select(allowed="id")
    hidden = withheld_subjects(purpose.key, field).select(hider="subject")
    own = own.anti_join(hidden, own.allowed == hidden.hider)
    checked = contacts.left_join(own, contacts.owner == own.allowed)
    checked = checked.filter(checked.allowed.notnull() | ~checked.personal)
    return checked.select(owner=checked.owner, subject=checked.of, personal=checked.personal)
