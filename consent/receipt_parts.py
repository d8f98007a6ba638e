"""The process of a receipt: purpose, basis, data, recipients, storage, in the words of DPV 2.3; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consent import dpv
from consent.receipt_texts import CHANNELS, PROCESSORS, both
from consent.replay import FIELD_ACTS
from governance.vocabulary import Act, EffectClass, LegalBasis

if TYPE_CHECKING:
    from governance.catalogue import Catalogue
    from governance.fields import Field
    from governance.purposes import Purpose
    from governance.vocabulary import Declaration

Document = dict[str, Any]
INTEREST_STATES = {
    Act.OBJECTED: "dpv:LegitimateInterestObjected",
    Act.REFUSED: "dpv:LegitimateInterestObjected",
    Act.WITHDRAWN: "dpv:LegitimateInterestObjected",
    Act.OBJECTION_LIFTED: "dpv:LegitimateInterestNotObjected",
}
DECIDING = (EffectClass.PRICE, EffectClass.CONTRACT)


def process(purpose: Purpose, declaration: Declaration, catalogue: Catalogue, controller: str) -> Document:
    """One purpose as a DPV process; *controller* is the controller's IRI."""
    made: Document = {
        "@type": "dpv:Process",
        "dpv:hasPurpose": [_purpose(purpose, controller)],
        "dpv:hasLegalBasis": [{"@id": term} for term in _bases(purpose, catalogue)],
        "dpv:hasPersonalData": list(_data(purpose, declaration, catalogue)),
        "dpv:hasDataSource": [{"@id": "dpv:DataSubjectDataSource"}, {"@id": "dpv:DataControllerDataSource"}],
        "dpv:hasProcessing": [{"@id": term} for term in _processing(purpose)],
        "dpv:hasRecipient": [
            {"@id": controller},
            {"@type": "dpv:DataProcessor", "dct:description": both(PROCESSORS)},
        ],
        "dpv:hasStorageCondition": [
            {"@type": "dpv:StorageLocation", "dpv:hasLocation": [{"@id": dpv.place(_stored_in(catalogue))}]},
            {
                "@type": "dpv:StorageDuration",
                "dpv:hasDuration": {"@type": "dpv:TemporalDuration", "rdf:value": purpose.retention},
            },
        ],
    }
    if declaration.channel is not None:
        made["dpv:hasScope"] = both(CHANNELS[declaration.channel])
    if purpose.effect in DECIDING:
        made["dpv:hasContext"] = [{"@id": "dpv:AutomatedDecisionMaking"}, {"@id": "dpv:ScoringOfIndividuals"}]
    state = INTEREST_STATES.get(declaration.act)
    if state and purpose.basis is LegalBasis.LEGITIMATE_INTERESTS and declaration.channel is None:
        made["dpv:hasStatus"] = [{"@id": state}]
    return made


def is_explicit(purpose: Purpose, catalogue: Catalogue) -> bool:
    """Whether a consent to it must be explicit: decisions and special categories (Articles 22(2)(c), 9(2)(a))."""
    return purpose.effect in DECIDING or _special(purpose, catalogue)


def _special(purpose: Purpose, catalogue: Catalogue) -> bool:
    return any(field.special for field in catalogue.permitted_fields(purpose))


def _bases(purpose: Purpose, catalogue: Catalogue) -> tuple[str, ...]:
    basis = dpv.BASES[purpose.basis]
    return (basis, "eu-gdpr:A9-2-a") if _special(purpose, catalogue) else (basis,)


def _purpose(purpose: Purpose, controller: str) -> Document:
    return {
        "@id": f"{controller.partition('#')[0]}#purpose-{purpose.key}",
        "@type": "dpv:Purpose",
        "skos:prefLabel": both(purpose.label),
        "skos:broader": [{"@id": term} for term in dpv.purpose_terms(purpose)],
    }


def _processing(purpose: Purpose) -> tuple[str, ...]:
    plain = ("dpv:Collect", "dpv:Store", "dpv:Use")
    return (*plain, "dpv:Pseudonymise", "dpv:Profiling") if purpose.profiling else plain


def _stored_in(catalogue: Catalogue) -> str:
    return catalogue.controller.storage or catalogue.controller.country


def _data(purpose: Purpose, declaration: Declaration, catalogue: Catalogue) -> list[Document]:
    """The field a declaration is about; else the contact point, the categories, and each field that can be withheld."""
    fields = catalogue.permitted_fields(purpose)
    if declaration.act in FIELD_ACTS:
        return [_field(field) for field in fields if field.key == declaration.field]
    by_field = {field.category for field in fields}
    found = [] if declaration.channel is None else [_category(dpv.CHANNEL_DATA[declaration.channel])]
    terms = dict.fromkeys(dpv.data_term(one) for one in sorted(purpose.categories) if one not in by_field)
    found += [_category(term) for term in terms if _category(term) not in found]
    return found + [_field(field) for field in fields]


def _category(term: str) -> Document:
    return {"@type": [term], "dpv:hasNecessity": {"@id": "dpv:Required"}}


def _field(field: Field) -> Document:
    """A field of the catalogue: the person may withhold it, so it is optional."""
    types = [dpv.data_term(field.category)]
    if field.special:
        types.append("dpv:SpecialCategoryPersonalData")
    return {
        "@type": types,
        "dct:identifier": field.key,
        "skos:prefLabel": both(field.label),
        "dpv:hasNecessity": {"@id": "dpv:Optional"},
    }
