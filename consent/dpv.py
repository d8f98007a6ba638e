"""The words of DPV 2.3 for our own: purposes, personal data, legal bases, acts, countries; pure.

Every IRI that leaves this house stands in DPV 2.3 (STD-1); a test compares these tables with its term lists. What DPV
has no word for is told by the nearest wider one, and by our own label beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.vocabulary import Act, Channel, EffectClass, LegalBasis

if TYPE_CHECKING:
    from governance.purposes import Purpose

CONTEXT = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "dct": "http://purl.org/dc/terms/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
}
PROFILE = "https://w3id.org/dpv/schema/dpv-27560#"
VERSION = "https://w3id.org/dpv/2.3"

BASES = {
    LegalBasis.CONSENT: "eu-gdpr:A6-1-a",
    LegalBasis.CONTRACT: "eu-gdpr:A6-1-b",
    LegalBasis.LEGITIMATE_INTERESTS: "eu-gdpr:A6-1-f",
}
CONSENT_STATES = {
    Act.REQUESTED: "dpv:ConsentRequested",
    Act.GIVEN: "dpv:ConsentGiven",
    Act.RENEWED: "dpv:RenewedConsentGiven",
    Act.REFUSED: "dpv:ConsentRefused",
    Act.WITHDRAWN: "dpv:ConsentWithdrawn",
    Act.UNKNOWN: "dpv:ConsentUnknown",
    Act.OBJECTED: "dpv:ConsentWithdrawn",  # an objection to what rests on consent withdraws it
}
INVOLVEMENTS = {
    Act.OBJECTED: "dpv:ObjectingToProcess",
    Act.OBJECTION_LIFTED: "dpv:OptingInToProcess",
    Act.REFUSED: "dpv:ObjectingToProcess",
    Act.WITHDRAWN: "dpv:ObjectingToProcess",
    Act.FIELD_WITHHELD: "dpv:OptingOutFromProcess",
    Act.FIELD_RELEASED: "dpv:OptingInToProcess",
}
"""How somebody takes part in processing that does not rest on consent, or in a part of it."""
PARTICIPATING = "dpv:EntityActiveInvolvement"
RIGHTS_ON_CONSENT = ("A7-3", "A13", "A14", "A15", "A16", "A17", "A18", "A20", "A22", "A77")
RIGHTS_OTHERWISE = ("A13", "A14", "A15", "A16", "A17", "A18", "A20", "A21", "A22", "A77")
COUNTRIES = frozenset(
    {
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IS", "IT",
        "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
    }
)  # fmt: skip
CHANNEL_DATA = {
    Channel.EMAIL: "pd:EmailAddress",
    Channel.PHONE: "pd:TelephoneNumber",
    Channel.POST: "pd:PhysicalAddress",
    Channel.SMS: "pd:TelephoneNumber",
}
SOME_DATA = "dpv:PersonalData"
DATA = {
    "user.behavior": "pd:Behavioural",
    "user.behavior.browsing_history": "pd:BrowsingBehaviour",
    "user.behavior.media_consumption": "pd:ServiceConsumptionBehaviour",
    "user.behavior.purchase_history": "pd:PurchasesAndSpendingHabit",
    "user.biometric": "pd:Biometric",
    "user.biometric.fingerprint": "pd:Fingerprint",
    "user.biometric.retinal": "pd:Retina",
    "user.account.username": "pd:Username",
    "user.authorization": "pd:Authenticating",
    "user.authorization.biometric": "pd:Biometric",
    "user.authorization.password": "pd:Password",
    "user.contact": "pd:Contact",
    "user.contact.address": "pd:PhysicalAddress",
    "user.contact.address.city": "pd:City",
    "user.contact.address.country": "pd:Country",
    "user.contact.address.postal_code": "pd:PostalCode",
    "user.contact.address.state": "pd:Region",
    "user.contact.address.street": "pd:Street",
    "user.contact.email": "pd:EmailAddress",
    "user.contact.organization": "pd:Professional",
    "user.contact.phone_number": "pd:TelephoneNumber",
    "user.content": "pd:Communication",
    "user.content.self_image": "pd:Picture",
    "user.criminal_history": "pd:Criminal",
    "user.demographic": "pd:Demographic",
    "user.demographic.age_range": "pd:AgeRange",
    "user.demographic.date_of_birth": "pd:BirthDate",
    "user.demographic.gender": "pd:Gender",
    "user.demographic.language": "pd:Language",
    "user.demographic.marital_status": "pd:MaritalStatus",
    "user.demographic.political_opinion": "pd:PoliticalOpinion",
    "user.demographic.race_ethnicity": "pd:EthnicOrigin",
    "user.demographic.religious_belief": "pd:ReligiousBelief",
    "user.demographic.sexual_orientation": "pd:SexualPreference",
    "user.device": "pd:DeviceBased",
    "user.device.ip_address": "pd:IPAddress",
    "user.financial": "pd:Financial",
    "user.financial.bank_account": "pd:BankAccount",
    "user.financial.credit_card": "pd:PaymentCard",
    "user.government_id": "pd:OfficialID",
    "user.government_id.passport_number": "pd:Passport",
    "user.health_and_medical": "pd:MedicalHealth",
    "user.health_and_medical.genetic": "pd:Genetic",
    "user.job_title": "pd:Job",
    "user.location": "pd:Location",
    "user.name": "pd:Name",
    "user.payment": "pd:Transaction",
    "user.privacy_preferences": "pd:PrivacyPreference",
    "user.social": "pd:Social",
    "user.telemetry": "pd:Tracking",
    "user.unique_id": "pd:Identifier",
    "user.workplace": "pd:Professional",
}
"""Fideslang key to DPV; a key includes everything below it."""


def data_term(category: str) -> str:
    """The DPV term of a Fideslang category: its own or that of the nearest one above."""
    while category:
        if category in DATA:
            return DATA[category]
        category = category.rpartition(".")[0]
    return SOME_DATA


def purpose_terms(purpose: Purpose) -> tuple[str, ...]:
    """The DPV purposes above ours: what the catalogue says, else what its nature says."""
    if purpose.dpv is not None:
        return (purpose.dpv,)
    if purpose.effect is EffectClass.PRICE:
        return ("dpv:Personalisation",)  # DPV has no word for a price by segment
    if purpose.effect is EffectClass.CONTRACT:
        return ("dpv:EstablishContractualAgreement",)
    if purpose.marketing:
        return ("dpv:DirectMarketing", "dpv:Personalisation") if purpose.profiling else ("dpv:DirectMarketing",)
    return ("dpv:ServiceProvision",) if purpose.basis is LegalBasis.CONTRACT else ("dpv:CustomerManagement",)


def place(code: str) -> str:
    """A country or EEA as a term of LOC; one that LOC was not pinned for by its ISO 3166-1 code."""
    return f"loc:{code}" if code in COUNTRIES or code == "EEA" else f"https://www.iso.org/obp/ui/#iso:code:3166:{code}"
