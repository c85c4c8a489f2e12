"""The words that announce a number: "case", "passport", "social security", and its kind."""

from functools import cache

from langchain_secguard.detect.lazy import Lazy

# The words that announce a number of each kind; "number", "no", "id" and an s may be joined to them.
_WORDS = {
    "social": "ssn itin tin",
    "passport": "passport",
    "driver": "dl",
    "account": "account acct checking savings iban",
    "routing": "routing aba rtn sortcode",
    "plate": "plate tag",
    "dea": "dea",
    "npi": "npi",
    "vin": "vin",
    "health": "mrn nhs medicare medicaid chart",
    "phone": "phone telephone tel mobile cell fax whatsapp hotline pager",
    "birth": "dob born birthdate birthday",
    "record": (
        "application appeal appl action admission agreement badge bates batch bill booking case"
        " cause certificate"
        " citation claim client complaint confirmation contract customer cust docket document doc"
        " employee emp"
        " enrolment enrollment file group incident indictment inmate index insurance invoice inv"
        " judgment license"
        " licence loan lot matter member membership order parcel patient permit petition policy prescription"
        " prison prisoner product project purchase receipt record reference ref registration reg report"
        " reservation rx serial session shipment staff student subscriber submission tax ticket tracking"
        " transaction txn user vat voucher warrant writ id identity identifier aktenzeichen az"
    ),
    "number": "no nos number numbers nr num",
}
_LICENCE = r"['\u2019]?s?['\u2019]?[ _-]?licen[cs]es?"
# Phrases: the first word, what must follow it, and the kind.
_PHRASES = (
    ("social", r"[ _-]?security", "social"),
    ("ss", r" ?(?:#|no\.?)", "social"),
    ("soc", r"\.? ?sec\.?", "social"),
    ("tax", r"[ _-]?id(?:entification)?", "social"),
    ("taxpayer", r"[ _-]?id(?:entification)?", "social"),
    ("driver", _LICENCE, "driver"),
    ("drivers", _LICENCE, "driver"),
    ("driving", _LICENCE, "driver"),
    ("license", r"[ _-](?:plates?|tag)", "plate"),
    ("licence", r"[ _-](?:plates?|tag)", "plate"),
    ("number", r"[ _-]plates?", "plate"),
    ("vehicle", r"[ _-]registration", "plate"),
    ("vehicle", r"[ _-]identification", "vin"),
    ("sort", r"[ _-]code", "routing"),
    ("medical", r"[ _-]record", "health"),
    ("health", r"[ _-](?:record|card|insurance|plan)", "health"),
    ("national", r"[ _-]provider", "npi"),
    ("national", r"[ _-](?:id(?:entity)?|insurance)", "record"),
    ("date", r"[ _-]of[ _-]birth", "birth"),
    ("birth", r"[ _-]?dates?", "birth"),
)


@cache
def announcers() -> dict[str, list[tuple[Lazy | None, str]]]:
    """Lay out the tables by first word: what must follow it, and the kind; the longer phrase first."""
    table: dict[str, list[tuple[Lazy | None, str]]] = {}
    for first, rest, kind in _PHRASES:
        table.setdefault(first, []).append((Lazy(rest), kind))
    for kind, words in _WORDS.items():
        for word in words.split():
            for ending in ("", "s", "no", "number", "id") if kind != "number" else ("",):
                table.setdefault(word + ending, []).append((None, kind))
    return table
