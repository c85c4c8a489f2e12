"""Street addresses: the number and the street, and the flat, the town, the state and the postcode after it.

Forms of the United States and Canada, the United Kingdom, Germany, Austria, Switzerland, France, the Netherlands,
Spain and Italy. An address may be broken over lines.
"""

import re
from collections.abc import Iterator

from langchain_secguard.detect.candidate import Candidate, Rank
from langchain_secguard.detect.folding import Folded
from langchain_secguard.detect.lazy import Lazy

ADDRESS_TYPES = frozenset({"LOCATION"})

_STATES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana"
    "|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska"
    "|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania"
    "|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming"
    "|District of Columbia|Puerto Rico"
)
_ABBREVIATED = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]"
    "|A[AEP]|D\\.C\\.|N\\.Y\\.|N\\.J\\."
)
_PROVINCES = "AB|BC|MB|NB|NL|NS|NT|NU|ON|PE|QC|SK|YT|Ontario|Quebec|Québec|Alberta|British Columbia|Manitoba|Nova Scotia"
_STREETS = (
    r"Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Circle|Cir|Place|Pl|Way|Square|Sq|Terrace|Ter"
    r"|Trail|Trl|Parkway|Pkwy|Highway|Hwy|Alley|Aly|Plaza|Plz|Loop|Run|Row|Crescent|Cres|Close|Gardens|Gdns|Grove|Mews|Hill"
    r"|Walk|Turnpike|Tpke|Expressway|Expy|Freeway|Fwy|Path|Pike|Point|Pt|Ridge|Route|Rte|Broadway|Causeway|Crossing|Xing"
    r"|Quay|Wharf|Esplanade|Promenade|Parade|Common|Green|Heights|Hts|Landing|Manor|Meadows?|Park|Pass|View|Vista|Mall"
)
_NAME = r"[^\W\d_a-z][\w.'’-]{0,30}"  # a capitalised word
_BREAK = r"(?:[ ]?,[ ]{0,3}\n?[ \t]{0,8}|[ \t]{0,3}\n[ \t]{0,8}|[ ])"
_ZIP = r"[0-9]{5}(?:-[0-9]{4})?(?![\w-])"
_POSTCODE = r"[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}(?!\w)"
_CANADIAN = r"[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9](?!\w)"
_COUNTRY = r"(?:,?\s{1,2}(?:USA|U\.S\.A\.|US|United States(?: of America)?|UK|United Kingdom|England|Scotland|Wales|Canada|Germany|Deutschland|France|Austria|Österreich|Switzerland|Schweiz|Netherlands|Nederland|Spain|España|Italy|Italia|Ireland|Australia)(?!\w))?"
_CITY = rf"{_NAME}(?:[ ]{_NAME}){{0,3}}"
_STATE = rf"(?:{_STATES}|{_ABBREVIATED}|{_PROVINCES})(?!\w)"
_UNIT = (
    rf"(?:{_BREAK}(?:(?i:apartment|apt|suite|ste|unit|floor|fl|room|rm|flat|building|bldg|penthouse|ph|lot|box|p\.?o\.? box)\.?[ ]?#?[ ]?"
    rf"[A-Z0-9][\w-]{{0,6}}|#[ ]?[\w-]{{1,7}}|[0-9]{{1,3}}(?:st|nd|rd|th)[ ][Ff]loor))"
)
_TOWN = (
    rf"(?:(?:{_BREAK}{_CITY}){{1,3}}?{_BREAK}(?:{_STATE}(?:{_BREAK}(?:{_ZIP}|{_CANADIAN}))?|{_ZIP}|{_POSTCODE}|{_CANADIAN})"
    rf"|{_BREAK}(?:{_ZIP}|{_POSTCODE}))"
)
_DIRECTION = (
    r"(?:(?:North|South|East|West|Northeast|Northwest|Southeast|Southwest|N|S|E|W|NE|NW|SE|SW)\.?[ ])?"
)

_street = Lazy(
    rf"[0-9](?<![\w.,$€£#/-][0-9])[0-9]{{0,5}}(?:-[0-9]{{1,5}})?[A-Za-z]?(?:[ ]1/2)?,?[ ]{_DIRECTION}"
    rf"(?:(?:{_NAME}|[0-9]{{1,3}}(?:st|nd|rd|th|ST|ND|RD|TH)|of|the|de|la|del|y)[ ]){{1,5}}?"
    rf"(?:{_STREETS}|{_STREETS.upper()})(?!\w|[’'])\.?"
    rf"(?:[ ](?:North|South|East|West|N|S|E|W|NE|NW|SE|SW)(?!\w)\.?)?{_UNIT}{{0,2}}(?P<town>{_TOWN})?{_COUNTRY}",
    re.NOFLAG,
)
_numbered_street = Lazy(
    rf"[0-9](?<![\w.,$€£#/-][0-9])[0-9]{{0,5}}[ ](?:Broadway|Avenue[ ](?:of[ ]the[ ])?{_NAME}|(?:Highway|Hwy|Route|Rte|County Road|State Road)[ ][0-9]{{1,4}}[A-Z]?)(?!\w)"
    rf"{_UNIT}{{0,2}}(?P<town>{_TOWN})?{_COUNTRY}",
    re.NOFLAG,
)
_lower_street = Lazy(
    r"[0-9](?<![\w.,$€£#/-][0-9])[0-9]{0,5}[ ](?:(?:north|south|east|west|n|s|e|w)\.?[ ])?(?:[a-z]{2,15}|[0-9]{1,3}(?:st|nd|rd|th))(?:[ ][a-z]{2,15})?[ ]"
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|drive|dr|court|way|place|terrace|parkway|crescent)(?![\w’'])"
    r"(?P<town>,?[ ](?:(?:apt|unit|suite)\.?[ ]#?\w{1,5},?[ ])?(?:[a-z]{2,15}[ ,]{1,2}){1,4}[0-9]{5}(?:-[0-9]{4})?(?!\w))?",
)
_box = Lazy(
    rf"(?i:p\.?[ ]?o\.?[ ]?box|post office box|postfach|locked bag|\bpmb)[ ]?#?[ ]?[0-9]{{1,6}}(?!\w)(?P<town>{_TOWN})?{_COUNTRY}",
    re.NOFLAG,
)
_town = Lazy(rf"(?<!\w)(?P<state>{_STATES}|{_ABBREVIATED}),?[ ]{{1,2}}{_ZIP}{_COUNTRY}", re.NOFLAG)
_before_state = Lazy(rf"(?:(?<=^)|(?<=[^\w]))(?P<city>{_CITY}),?[ ]?\n?$", re.NOFLAG)
_postcode = Lazy(r"[A-Z](?<![\w-][A-Z])[A-Z]?[0-9][A-Z0-9]?[ ][0-9][ABD-HJLNP-UW-Z]{2}(?!\w)")
_GERMAN_TOWN = rf"(?:{_BREAK}(?:(?:D|A|CH|DE|AT)-)?[0-9]{{4,5}}[ ]{_NAME}(?:[ ](?:am|an der|im|bei|{_NAME})){{0,3}}{_COUNTRY})"
_german = Lazy(
    r"(?<!\w)(?:(?:Am|An der|Auf dem|Im|In der|Zum|Zur|Unter den)[ ])?[A-ZÄÖÜ][\wäöüß.-]{0,30}(?:(?:[ -][A-ZÄÖÜ][\wäöüß.-]{0,20}){0,2}[ -])?"
    r"(?<=[\w. -])(?:(?<=[a-zäöüß-])(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer|straat|gracht|laan|plein|kade|singel)"
    rf"|(?:Straße|Strasse|Str\.|Weg|Platz|Allee|Gasse|Ring|Damm|Ufer|Linden))[ ][0-9]{{1,4}}(?:[ ]?[a-zA-Z](?!\w))?(?:[-/][0-9]{{1,4}}[a-z]?)?(?!\w)"
    rf"(?P<town>{_GERMAN_TOWN}|{_BREAK}[0-9]{{4}}[ ]?[A-Z]{{2}}[ ]{_NAME}(?:[ ]{_NAME})?{_COUNTRY})?",
    re.NOFLAG,
)
_french = Lazy(
    r"[0-9](?<![\w.,$€£#/-][0-9])[0-9]{0,3}(?:[ ]?(?:bis|ter|quater))?,?[ ](?i:rue|avenue|av\.|boulevard|bd|place|chemin|allée|impasse|quai|cours|route|passage|square|faubourg)"
    rf"[ ](?:(?:de|du|des|la|le|les|l['’]\w+|d['’]\w+|et|en|sur|{_NAME})[ ]?){{1,7}}(?<![ ])(?P<town>{_BREAK}(?:F-)?[0-9]{{5}}[ ]{_NAME}(?:[ ]{_NAME}){{0,3}}{_COUNTRY})?",
    re.NOFLAG,
)
_southern = Lazy(
    rf"(?<!\w)(?:Calle|C/|Avenida|Avda\.|Paseo|Plaza|Via|Viale|Piazza|Corso|Largo|Vicolo|Rua|Praça)[ ](?:(?:de|del|della|dei|la|las|los|el|{_NAME})[ ]){{0,5}}{_NAME},?[ ](?:n[.º°]?[ ]?)?[0-9]{{1,4}}(?!\w)"
    rf"(?P<town>{_BREAK}[0-9]{{5}}[ ]{_NAME}(?:[ ]{_NAME}){{0,3}}{_COUNTRY})?",
    re.NOFLAG,
)
_GERMAN_CUES = (
    "stra",
    "str.",
    "weg ",
    "platz",
    "allee",
    "gasse",
    "ring ",
    "damm ",
    "ufer ",
    "gracht",
    "laan",
    "plein",
    "kade",
    "singel",
    "linden",
)
_FRENCH_CUES = ("rue ", "avenue ", "av. ", "boulevard ", "bd ", "place ", "chemin ", "allée ", "impasse ", "quai ", "cours ",
                "route ", "passage ", "square ", "faubourg ")  # fmt: skip
_SOUTHERN_CUES = ("calle ", "c/ ", "avenida ", "avda. ", "paseo ", "plaza ", "via ", "viale ", "piazza ", "corso ", "largo ",
                  "vicolo ", "rua ", "praça ")  # fmt: skip
_CUED = ((_GERMAN_CUES, _german), (_FRENCH_CUES, _french), (_SOUTHERN_CUES, _southern))


def find_addresses(folded: Folded) -> Iterator[Candidate]:
    """Find street addresses, post office boxes, and towns with a postcode."""
    if not folded.regions:
        return
    for pattern in (_street, _numbered_street):
        for match in folded.near_digits(pattern):
            yield _address(match, 0.85)
    for match in folded.low_near_digits(_lower_street):
        yield _address(match, 0.6)
    if " box" in folded.low or "postfach" in folded.low or "pmb" in folded.low:
        for match in folded.near_digits(_box):
            yield _address(match, 0.85)
    for cues, pattern in _CUED:
        if any(cue in folded.low for cue in cues):
            for match in folded.near_digits(pattern):
                yield _address(match, 0.8)
    yield from _towns(folded)


def _address(match: re.Match[str], score: float) -> Candidate:
    """Propose a match; an address with its town is nearly certain."""
    town = match["town"] is not None
    return Candidate(*match.span(), "LOCATION", 0.95 if town else score, Rank.VALID if town else Rank.CONTEXT)


def _towns(folded: Folded) -> Iterator[Candidate]:
    """Find a town, state and ZIP code, and a British postcode, without a street."""
    for match in folded.near_digits(_town):
        lowest = max(0, match.start() - 60)
        city = _before_state.regex.search(folded.text[lowest : match.start()])
        start = lowest + city.start("city") if city else match.start()
        yield Candidate(start, match.end(), "LOCATION", 0.85 if city else 0.6, Rank.CONTEXT)
    for match in folded.near_digits(_postcode):
        yield Candidate(*match.span(), "LOCATION", 0.7)
