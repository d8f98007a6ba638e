"""A double opt-in asked for by the company's own website: somebody typed an address, and its reader decides (CON-8).

The answer is the same whether the address is known, blocked or was never seen, and comes before anything is sent. An
address is asked at most five times an hour, whoever asks: a form must not become a way to fill a mailbox.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.access import Right
from api.routes.access import Call, calling
from api.security import TooManyAttempts
from api.workflows import confirming, declaring
from api.workflows.confirming import CannotConfirm
from governance.contact_points import email_match_form
from governance.staff import Scope
from governance.vocabulary import Channel

router = APIRouter(tags=["consent"])

Caller = Annotated[Call, Depends(calling(Scope.DECLARE, Right.DECLARE))]


class Wanted(BaseModel):
    """Whom to ask for what: a customer by reference, or whoever reads an address."""

    model_config = ConfigDict(extra="forbid")

    reference: str | None = Field(default=None, min_length=1, max_length=200, description="A customer you know.")
    email: str | None = Field(default=None, min_length=3, max_length=254, description="Or the address that was typed.")
    purpose: str = Field(min_length=1, max_length=80, description="Purpose key of the catalogue.")
    channel: Channel = Field(default=Channel.EMAIL, description="The channel the consent is for.")
    language: Literal["de", "en"] = Field(default="de", description="Of the notice that was shown, and of the mail.")

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.reference is None) == (self.email is None):
            raise ValueError("name either a reference or an email")
        return self


@router.post("/confirmations", status_code=202)
def ask(request: Request, call: Caller, wanted: Wanted) -> dict[str, Any]:
    """Have a confirming mail sent, unless its reader must not be asked; nothing is permitted before they agree."""
    subject = None if wanted.reference is None else declaring.find(call.house, wanted.reference)
    address = wanted.email or (confirming.address_of(call.house, subject) if subject is not None else None)
    if not address:
        raise CannotConfirm("there is no e-mail address under that reference")
    _limit(request, call, address)
    confirming.request_confirmation(
        call.house,
        subject=subject,
        address=address,
        purpose=wanted.purpose,
        channel=wanted.channel,
        language=wanted.language,
        actor=call.actor,
        now=call.now,
    )
    return {"accepted": True}


def _limit(request: Request, call: Call, address: str) -> None:
    """Count it under a keyed hash: no list of addresses lies in memory.

    Raises:
        TooManyAttempts: this address was asked five times within the hour.
    """
    form = email_match_form(address) or address
    key = hmac.new(call.web.form_key, b"confirmation\0" + form.encode("utf-8", "surrogatepass"), sha256).hexdigest()
    if request.app.state.portal.confirmations.take(key, now=call.now) is not None:
        raise TooManyAttempts("this address was asked often enough; try again in an hour")
