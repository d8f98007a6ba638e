"""Whether a company is a natural person: its legal form decides, and doubt makes it one (Article 4(1) GDPR). Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_LEGAL_PERSONS = frozenset(
    [
        "gmbh",
        "ggmbh",
        "ag",
        "ug",
        "ughaftungsbeschränkt",
        "ughaftungsbeschraenkt",
        "uggmbh",
        "kg",
        "ohg",
        "se",
        "eg",
        "ev",
        "kgaa",
        "invag",
        "gag",
        "gug",
        "vvag",
        "kdör",
        "kdor",
        "kör",
        "aör",
        "aor",
        "stiftung",
        "verein",
        "genossenschaft",
        "aktiengesellschaft",
        "gesellschaftmitbeschränkterhaftung",
        "kommanditgesellschaft",
        "offenehandelsgesellschaft",
        "eingetragenegenossenschaft",
        "eingetragenerverein",
        "unternehmergesellschaft",
        "unternehmergesellschafthaftungsbeschränkt",
        "körperschaftdesöffentlichenrechts",
        "anstaltdesöffentlichenrechts",
        "ltd",
        "limited",
        "plc",
        "inc",
        "corp",
        "corporation",
        "llc",
        "llp",
        "sa",
        "sas",
        "sarl",
        "sàrl",
        "bv",
        "nv",
        "spa",
        "srl",
        "sl",
        "slu",
        "lda",
        "aps",
        "as",
        "ab",
        "oy",
        "oyj",
        "doo",
        "sro",
        "zoo",
        "spzoo",
        "kft",
        "zrt",
    ]
)
_WITH_PARTNER = re.compile(
    r"(?:gmbh|ug|ughaftungsbeschränkt|ag|se|ltd|limited|stiftung)(?:&|und|u|\+)?co(?:kg|ohg|kgaa)"
)
_SIGNS = re.compile(r"[\s.,()/-]+")


@lru_cache(maxsize=1_024)
def is_natural(legal_form: str | None) -> bool:
    """True for sole traders, e.K., GbR, freelancers and everything unknown; False for what is surely a legal person."""
    if not legal_form:
        return True
    form = _SIGNS.sub("", unicodedata.normalize("NFC", legal_form).casefold())
    return not (form in _LEGAL_PERSONS or _WITH_PARTNER.fullmatch(form))
