"""Which schemes are AI systems, in which role and risk class, and why (Regulation (EU) 2024/1689; GOV-9); pure.

Article 3(1) asks whether a system infers from its input how to produce its output. Rules that people wrote, ranks by
cut points and lists kept by hand do not. Whatever fits groups, classes or probabilities to data is treated as if it
did: who records too much loses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from governance.papers import Line, Paper, Part, both
from governance.vocabulary import EffectClass, Text

INFERS: dict[str, Text] = {
    "clv": Text(
        "Wahrscheinlichkeitsmodell des Kaufverhaltens, an Daten angepasst",
        "probability model of purchases, fitted to data",
    ),
    "forecast": Text("logistische Regression, an Daten angepasst", "logistic regression, fitted to data"),
    "kmeans": Text("Gruppen, aus Daten gebildet (k-Means)", "groups formed from data (k-means)"),
    "latent_class": Text("latente Klassen, aus Daten geschätzt", "latent classes, estimated from data"),
    "mixture": Text(
        "Mischung von Normalverteilungen, aus Daten geschätzt", "mixture of normal distributions, estimated from data"
    ),
    "ward": Text("Gruppen, aus Daten gebildet (Ward)", "groups formed from data (Ward)"),
}
FOLLOWS: dict[str, Text] = {
    "abc": Text("Rangfolge nach Anteilen, von Menschen festgelegt", "ranking by shares that people set"),
    "manual": Text("Liste, von Hand geführt", "list kept by hand"),
    "rfm": Text("Punkte nach Rängen, Segmente von Menschen festgelegt", "scores by rank, segments that people set"),
    "rules": Text("Regeln, von Menschen geschrieben", "rules that people wrote"),
}


@dataclass(frozen=True)
class SchemeUse:
    """What a scheme is used for."""

    scheme: str
    label: Text
    kind: str
    effect: EffectClass
    purpose: Text
    model: str | None
    """Digest of the model of the live run; None before the first."""


def ai_inventory(controller: str, schemes: tuple[SchemeUse, ...]) -> Paper:
    """The inventory, one part a scheme."""
    return Paper(
        kind="ai_inventory",
        title=Text("Verzeichnis der KI-Systeme", "Inventory of AI systems"),
        lead=Text(
            "Welche Segmentierung ein KI-System im Sinn von Art. 3 Nr. 1 der Verordnung (EU) 2024/1689 ist, und "
            "was daraus folgt.",
            "Which segmentation is an AI system under Art. 3(1) of Regulation (EU) 2024/1689, and what follows.",
        ),
        controller=controller,
        parts=(_house(), *(_scheme(use) for use in schemes)),
    )


def infers(kind: str) -> bool:
    """Whether a kind is treated as an AI system; an unknown kind is."""
    return kind not in FOLLOWS


def _house() -> Part:
    return Part(
        "house",
        Text("Für das ganze Haus", "For the whole house"),
        Text("Art. 4, 5 Verordnung (EU) 2024/1689", "Art. 4, 5 Regulation (EU) 2024/1689"),
        (
            Line(
                "literacy",
                Text("KI-Kompetenz der Beschäftigten", "AI literacy of staff"),
                (Text("Nachweis der Schulung ergänzen.", "Add the evidence of training."),),
                open=True,
            ),
            Line(
                "prohibited",
                Text("Verbotene Praktiken", "Prohibited practices"),
                (
                    Text(
                        "Keine: Felder und Zwecke stehen in einem geschlossenen Katalog; besondere Kategorien brauchen "
                        "Einwilligung, Preise dürfen nicht auf Anschrift, Zahlungen oder Namen beruhen.",
                        "None: fields and purposes stand in a closed catalogue; special categories need consent, "
                        "and no "
                        "price may rest on address, payments or names.",
                    ),
                ),
            ),
        ),
    )


def _scheme(use: SchemeUse) -> Part:
    is_ai = infers(use.kind)
    why = INFERS.get(use.kind) or FOLLOWS.get(use.kind) or both(use.kind)
    answer = Text("ja, vorsorglich so behandelt", "yes, treated so as a precaution") if is_ai else Text("nein", "no")
    return Part(
        f"scheme:{use.scheme}",
        use.label,
        Text("Art. 3 Nr. 1, 3, 4, Art. 6, Anhang III", "Art. 3(1), (3), (4), Art. 6, Annex III"),
        (
            Line("is_ai", Text("KI-System", "AI system"), (answer,)),
            Line("why", Text("Begründung", "Rationale"), (why,)),
            Line("purpose", Text("Zweck", "Purpose"), (use.purpose,)),
            *((_role(), _risk(use.effect)) if is_ai else ()),
            Line(
                "model",
                Text("Modell", "Model"),
                (both(use.model),) if use.model else (Text("noch keines", "none yet"),),
                code=bool(use.model),
            ),
        ),
    )


def _role() -> Line:
    value = Text(
        "Betreiber; wer das Modell im eigenen Haus anpasst und nutzt, hat auch die Pflichten des Anbieters zu prüfen",
        "deployer; whoever fits and uses the model in house has to check the duties of a provider as well",
    )
    return Line("role", Text("Rolle", "Role"), (value,))


def _risk(effect: EffectClass) -> Line:
    if effect in {EffectClass.PRICE, EffectClass.CONTRACT}:
        value = Text(
            "nicht hochriskant, solange es weder Kreditwürdigkeit noch Lebens- oder Krankenversicherung betrifft "
            "(Anhang III Nr. 5 Buchst. b und c); dafür ist dieser Dienst nicht bestimmt. Durch einen Menschen zu "
            "bestätigen.",
            "not high-risk as long as neither creditworthiness nor life or health insurance is concerned (Annex III "
            "no. 5(b), (c)), for which this service is not intended. A human has to confirm it.",
        )
        return Line("risk", Text("Risikoklasse", "Risk class"), (value,), open=True)
    value = Text(
        "geringes Risiko: Werbung oder Betreuung, kein Fall des Anhangs III",
        "minimal risk: marketing or care, no case of Annex III",
    )
    return Line("risk", Text("Risikoklasse", "Risk class"), (value,))
