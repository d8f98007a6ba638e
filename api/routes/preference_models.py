"""The bodies of the preferences API, as its description tells them; a test compares them with what is sent."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.workflows.preference_api import Change, Shown
from api.workflows.preference_views import HolderState
from api.workflows.preferences import Aim, Answer, Choice
from governance.vocabulary import Channel, LegalBasis, Reason, Scope, Source, Unit


class Closed(BaseModel):
    """Nothing but what is named."""

    model_config = ConfigDict(extra="forbid")


class Whom(Closed):
    """Whom it is about, by your own reference; it stands in the body, never in an address."""

    reference: str = Field(min_length=1, max_length=200, description="What you know the person by.")
    unit: Unit = Field(default=Unit.CONTACT, description="An account only where it is a person itself.")


class HandleOut(Closed):
    """How this caller names the person from now on."""

    handle: str = Field(description="Opaque; for this token alone, until it expires.")
    expires_at: datetime


class ChoiceIn(Closed):
    """One answer about one thing: a purpose, a channel of it, a field, or everything of a scope."""

    purpose: str | None = Field(default=None, max_length=40, description="Purpose key of the catalogue.")
    channel: Channel | None = Field(default=None, description="One channel of the purpose.")
    field: str | None = Field(default=None, max_length=40, description="A field, for the purpose or for all of them.")
    scope: Scope = Field(
        default=Scope.PURPOSE, description="marketing, profiling or general: an objection to all of it."
    )
    answer: Answer = Field(description="allow, refuse, or lift: take an objection back without consenting.")

    def choice(self) -> Choice:
        """As the workflow takes it."""
        return Choice(Aim(self.purpose, self.channel, self.field, self.scope), self.answer)


class EvidenceIn(Closed):
    """What shows the person's own act; sealed under the person's own key."""

    said_at: AwareDatetime = Field(description="When the person did it.")
    reference: str = Field(min_length=1, max_length=500, description="Where it is documented, such as a form's number.")


class ChangeIn(Closed):
    """What the person decided, all of it or nothing."""

    choices: Annotated[list[ChoiceIn], Field(min_length=1, max_length=200)]
    language: Literal["de", "en"] = Field(default="de", description="Of the notice that the person read.")
    evidence: EvidenceIn | None = Field(
        default=None, description="Keep it with every yes (Article 7(1) GDPR); a yes after a no is refused without it."
    )

    def change(self, *, may_raise: bool) -> Change:
        """As the workflow takes it."""
        shown = None if self.evidence is None else Shown(self.evidence.said_at, self.evidence.reference)
        return Change(tuple(one.choice() for one in self.choices), self.language, shown, may_raise)


class Both(Closed):
    """A text in both languages."""

    de: str
    en: str


class StateOut(Closed):
    """What holds now."""

    lawful: bool
    reason: Reason
    text: Both = Field(description="The reason in plain words.")
    chosen: Answer | None = Field(description="The person's own last word; null: they never decided.")
    since: datetime | None
    source: Source | None = Field(description="Who declared what holds; null: it follows from the law.")


class ChannelOut(StateOut):
    """One channel of a purpose; use it only while `lawful` is true."""

    channel: Channel
    answers: list[Answer] = Field(description="What may be answered now.")
    reachable: bool


class FieldOut(Closed):
    """A kind of detail that may be kept out."""

    field: str
    label: Both
    withheld: bool
    since: datetime | None


class NoticeOut(Closed):
    """Which text to show before somebody decides."""

    version: str
    sha256: dict[str, str] = Field(description="Language to the hash of the text.")


class PurposeOut(StateOut):
    """One purpose."""

    purpose: str
    label: Both
    basis: LegalBasis
    marketing: bool
    profiling: bool
    notice: NoticeOut
    answers: list[Answer]
    stopped_by: list[Scope]
    asks_again: bool = Field(description="The notice changed in substance: ask once, without pressure.")
    channels: list[ChannelOut]
    fields: list[FieldOut]


class ObjectionOut(Closed):
    """A wide objection (Article 21 GDPR)."""

    scope: Scope
    since: datetime | None
    source: Source | None
    recorded: bool


class HolderOut(Closed):
    """Where the data or the news of a change are."""

    name: str
    state: HolderState
    system: bool
    purpose: str | None
    channel: Channel | None
    since: datetime | None
    until: datetime | None


class PreferencesOut(Closed):
    """Everything one person may know and decide about the use of their data."""

    version: int
    restricted: bool
    minor: bool
    purposes: list[PurposeOut]
    fields: list[FieldOut]
    objections: list[ObjectionOut]
    holders: list[HolderOut]


class LinkOut(Closed):
    """A way into the portal for this person."""

    url: str = Field(description="Works once; put it behind a button, never into a mail or a log.")
    expires_at: datetime


class ReceiptLineOut(Closed):
    """One declaration."""

    seq: int = Field(description="Names the receipt.")
    record: str
    title: Both
    act: str
    scope: Scope
    purpose: str | None
    channel: Channel | None
    field: str | None
    said_at: datetime
    received_at: datetime
    source: Source
    notice: str | None
    entry: int | None = Field(description="The entry of the log that proves it.")
    imported: bool


class ReceiptsOut(Closed):
    """Every receipt, newest first."""

    receipts: list[ReceiptLineOut]
