"""Street addresses: the number and the street, and the flat, the town, the state and the postcode after it.

Forms of the United States and Canada, the United Kingdom, Germany, Austria, Switzerland, France, the
Netherlands, Spain and Italy. An address may be broken over lines.
"""

import re
from collections.abc import Iterator

from langchain_secguard.detect.candidate import Candidate, Rank
from langchain_secguard.detect.folding import Folded
from langchain_secguard.detect.lazy import Lazy

ADDRESS_TYPES = frozenset({"LOCATION"})

_STATES = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii"
    "|Idaho|Illinois|Indiana"
    "|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi"
    "|Missouri|Montana|Nebraska"
    "|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma"
    "|Oregon|Pennsylvania"
    "|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West"
    " Virginia|Wisconsin|Wyoming"
    "|District of Columbia|Puerto Rico"
)
_ABBREVIATED = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]"
    "|T[NX]|UT|V[AIT]|W[AIVY]"
    "|A[AEP]|D\\.C\\.|N\\.Y\\.|N\\.J\\."
)
_PROVINCES = (
    "AB|BC|MB|NB|NL|NS|NT|NU|ON|PE|QC|SK|YT|Ontario|Quebec|Québec|Alberta"
    "|British Columbia|Manitoba|Nova Scotia"
)
_STREETS = (
    r"Street|St|Avenue|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Circle|Cir|Place|Pl"
    r"|Way|Square|Sq|Terrace|Ter"
    r"|Trail|Trl|Parkway|Pkwy|Highway|Hwy|Alley|Aly|Plaza|Plz|Loop|Run|Row|Crescent|Cres|Close"
    r"|Gardens|Gdns|Grove|Mews|Hill"
    r"|Walk|Turnpike|Tpke|Expressway|Expy|Freeway|Fwy|Path|Pike|Point|Pt|Ridge|Route|Rte|Broadway"
    r"|Causeway|Crossing|Xing"
    r"|Quay|Wharf|Esplanade|Promenade|Parade|Common|Green|Heights|Hts|Landing|Manor|Meadows?|Park"
    r"|Pass|View|Vista|Mall"
)
_NAME = r"(?:[A-Z][a-z]{0,2}\.(?=[ ])|[^\W\d_a-z][\w'\u2019-]{0,30})"  # a capitalised word, or St.
_BREAK = r"(?:[ ]?,[ ]{0,3}\n?[ \t]{0,8}|[ \t]{0,3}\n[ \t]{0,8}|[ ])"
_ZIP = r"[0-9]{5}(?:-[0-9]{4})?(?![\w-])"
_POSTCODE = r"[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2}(?!\w)"
_CANADIAN = r"[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9](?!\w)"
_COUNTRY = (
    r"(?:,?\s{1,2}(?:USA|U\.S\.A\.|US|United States(?: of America)?|UK|United Kingdom|England"
    r"|Scotland|Wales|Canada|Germany|Deutschland|France|Austria|Österreich|Switzerland|Schweiz"
    r"|Netherlands|Nederland|Spain|España|Italy|Italia|Ireland|Australia)(?!\w))?"
)
_CITY = rf"{_NAME}(?:[ ]{_NAME}){{0,3}}"
_STATE = rf"(?:{_STATES}|{_ABBREVIATED}|{_PROVINCES})(?!\w)"
_UNIT = (
    rf"(?:{_BREAK}(?:(?i:apartment|apt|suite|ste|unit|floor|fl|room|rm|flat|building|bldg|penthouse|ph"
    rf"|lot|box|p\.?o\.? box)\.?[ ]?#?[ ]?"
    rf"[A-Z0-9][\w-]{{0,6}}|#[ ]?[\w-]{{1,7}}|[0-9]{{1,3}}(?:st|nd|rd|th)[ ][Ff]loor))"
)
_TOWN = (
    rf"(?:(?:{_BREAK}{_CITY}){{1,3}}?{_BREAK}(?:{_STATE}(?:{_BREAK}(?:{_ZIP}|{_CANADIAN}))?|{_ZIP}"
    rf"|{_POSTCODE}|{_CANADIAN})"
    rf"|{_BREAK}(?:{_ZIP}|{_POSTCODE}))"
)
_DIRECTION = (
    r"(?:(?:North|South|East|West|Northeast|Northwest|Southeast|Southwest|N|S|E|W|NE|NW|SE|SW)\.?[ ])?"
)

_street = Lazy(
    rf"[0-9](?<![\w.,$€£#/-][0-9])[0-9]{{0,5}}(?:-[0-9]{{1,5}})?[A-Za-z]?(?:[ ]1/2)?,?[ ]{_DIRECTION}"
    rf"(?:(?:{_NAME}|[0-9]{{1,3}}(?:st|nd|rd|th|ST|ND|RD|TH)|of|the|de|la|del|y)[ ]){{1,5}}?"
    rf"(?:{_STREETS}|{_STREETS.upper()})(?!\w|[\u2019'])\.?"
    rf"(?:[ ](?:North|South|East|West|N|S|E|W|NE|NW|SE|SW)(?!\w)\.?)?{_UNIT}{{0,2}}"
    rf"(?P<town>{_TOWN})?{_COUNTRY}",
    re.NOFLAG,
)
_numbered_street = Lazy(
    rf"[0-9](?<![\w.,$€£#/-][0-9])[0-9]{{0,5}}[ ](?:Broadway|Avenue[ ](?:of[ ]the[ ])?{_NAME}|"
    rf"(?:Highway|Hwy|Route|Rte|County Road|State Road)[ ][0-9]{{1,4}}[A-Z]?)(?!\w)"
    rf"{_UNIT}{{0,2}}(?P<town>{_TOWN})?{_COUNTRY}",
    re.NOFLAG,
)
_lower_street = Lazy(
    r"[0-9](?<![\w.,$€£#/-][0-9])[0-9]{0,5}[ ](?:(?:north|south|east|west|n|s|e|w)\.?[ ])?"
    r"(?:[a-z]{2,15}|[0-9]{1,3}(?:st|nd|rd|th))(?:[ ][a-z]{2,15})?[ ]"
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|drive|dr|court|way|place|terrace|parkway"
    r"|crescent)(?![\w\u2019'])"
    r"(?P<town>,?[ ](?:(?:apt|unit|suite)\.?[ ]#?\w{1,5},?[ ])?(?:[a-z]{2,15}[ ,]{1,2}){1,4}[0-9]{5}"
    r"(?:-[0-9]{4})?(?!\w))?",
)
_box = Lazy(r"(?:box|postfach|pmb)[ ]?(?:#|no\.?)?[ ]?[0-9]{1,6}(?!\w)")
_before_box = Lazy(r"(?<![a-z])(?:p\.?[ ]?o\.?|post[ ]office|locked)[ ]?$")
_town_after = Lazy(rf"(?P<town>{_TOWN})?{_COUNTRY}", re.NOFLAG)
_zip = Lazy(rf"[0-9](?<![\w-][0-9])[0-9]{{4}}(?:-[0-9]{{4}})?(?![\w-]){_COUNTRY}", re.NOFLAG)
_state_before = Lazy(rf"(?<![\w])(?:{_STATES}|{_ABBREVIATED}),?\s{{1,2}}$", re.NOFLAG)
_city_before = Lazy(rf"(?<![\w])(?P<city>{_CITY}),?[ ]?\n?$", re.NOFLAG)
# The inward half of a British postcode, without C, I, K, M, O or V; the outward half stands before it.
_inward = Lazy(r"[0-9](?<=[A-Z0-9] .)[ABD-HJLNP-UW-Z]{2}(?!\w)")
_outward = Lazy(r"(?<![\w-])[A-Z]{1,2}[0-9][A-Z0-9]?[ ]$")
# Digits that follow a German or Dutch word for a street; then the street is read backwards.
_german = Lazy(
    r"[0-9](?<=[gremtnls.] .)(?:(?<=weg .)|(?<=(?:str\.|ring|damm|ufer|laan|kade) .)|(?<=(?:platz"
    r"|allee|gasse|plein) .)"
    r"|(?<=(?:straße|straat|gracht|singel|linden) .)|(?<=strasse .))[0-9]{0,3}(?:[ ]?[a-z](?!\w))?"
    r"(?:[-/][0-9]{1,4}[a-z]?)?(?!\w)",
    re.NOFLAG,
)
_german_before = Lazy(
    r"(?<!\w)(?:(?:Am|An der|Auf dem|Im|In der|Zum|Zur|Unter den)[ ])?[A-ZÄÖÜ][\w.-]{0,30}"
    r"(?:[ -][A-ZÄÖÜ][\w.-]{0,20}){0,3}[ ]$",
    re.NOFLAG,
)
_german_town = Lazy(
    rf"{_BREAK}(?:(?:D|A|CH|DE|AT)-)?(?:[0-9]{{4}}[ ]?[A-Z]{{2}}|[0-9]{{4,5}})[ ]{_NAME}"
    rf"(?:[ ](?:am|an der|im|bei|{_NAME})){{0,3}}{_COUNTRY}",
    re.NOFLAG,
)
_NEEDS_TOWN = ("ring ", "kade ", "plein ", "linden ", "ufer ")
_french = Lazy(
    r"[0-9](?<![\w.,$€£#/-][0-9])[0-9]{0,3}(?:[ ]?(?:bis|ter|quater))?,?[ ](?i:rue|avenue|av\."
    r"|boulevard|bd|place|chemin|allée|impasse|quai|cours|route|passage|square|faubourg)"
    rf"[ ](?:(?:de|du|des|la|le|les|l['\u2019]\w+|d['\u2019]\w+|et|en|sur|{_NAME})[ ]?){{1,7}}(?<![ ])"
    rf"(?P<town>{_BREAK}(?:F-)?[0-9]{{5}}[ ]{_NAME}(?:[ ]{_NAME}){{0,3}}{_COUNTRY})?",
    re.NOFLAG,
)
_southern = Lazy(
    r"(?:Calle|C/|Avenida|Avda\.|Paseo|Plaza|Via|Viale|Piazza|Corso|Largo|Vicolo|Rua|Praça)[ ]"
    rf"(?:(?:de|del|della|dei|la|las|los|el|{_NAME})[ ]){{0,5}}{_NAME},?[ ](?:n[.º°]?[ ]?)?[0-9]{{1,4}}(?!\w)"
    rf"(?P<town>{_BREAK}[0-9]{{5}}[ ]{_NAME}(?:[ ]{_NAME}){{0,3}}{_COUNTRY})?",
    re.NOFLAG,
)


def find_addresses(folded: Folded) -> Iterator[Candidate]:
    """Find street addresses, post office boxes, and towns with a postcode."""
    if not folded.regions:
        return
    for pattern in (_street, _numbered_street):
        for match in folded.widely(pattern):
            like_year = match[0][:2] in {"19", "20"} and match[0][4:5] == " "
            yield _address(match, 0.6 if like_year else 0.85)
    for match in folded.low_widely(_lower_street):
        yield _address(match, 0.6)
    for match in folded.widely(_french):
        yield _address(match, 0.8)
    for match in folded.widely(_southern):
        yield _address(match, 0.5)
    if "box" in folded.low or "postfach" in folded.low or "pmb" in folded.low:
        yield from _boxes(folded)
    yield from _germans(folded)
    yield from _towns(folded)


def _address(match: re.Match[str], score: float) -> Candidate:
    """Propose a match; an address with its town is nearly certain."""
    town = match["town"] is not None
    return Candidate(*match.span(), "LOCATION", 0.95 if town else score, Rank.VALID if town else Rank.CONTEXT)


def _boxes(folded: Folded) -> Iterator[Candidate]:
    """Find post office boxes."""
    low = folded.low
    for match in folded.low_near_digits(_box):
        lowest = max(0, match.start() - 14)
        before = _before_box.regex.search(low, lowest, match.start())
        after = _town_after.regex.match(folded.text, match.end())
        if after and (before or not match[0].startswith("box")):
            start = before.start() if before else match.start()
            yield Candidate(start, after.end(), "LOCATION", 0.95 if after["town"] else 0.85, Rank.VALID)


def _germans(folded: Folded) -> Iterator[Candidate]:
    """Find German and Dutch addresses, in which the number follows the street."""
    text = folded.text
    for match in folded.low_near_digits(_german):
        street = _german_before.regex.search(text, max(0, match.start() - 60), match.start())
        town = _german_town.regex.match(text, match.end())
        if street and (town or not street[0].lower().endswith(_NEEDS_TOWN)):
            end = (town or match).end()
            yield Candidate(
                street.start(), end, "LOCATION", 0.95 if town else 0.7, Rank.VALID if town else Rank.CONTEXT
            )


def _towns(folded: Folded) -> Iterator[Candidate]:
    """Find a town, state and ZIP code, and a British postcode, without a street."""
    text = folded.text
    for match in folded.near_digits(_zip) if folded.has_five_digits else ():
        state = _state_before.regex.search(text, max(0, match.start() - 24), match.start())
        if state:
            city = _city_before.regex.search(text, max(0, state.start() - 50), state.start())
            start = city.start() if city else state.start()
            yield Candidate(start, match.end(), "LOCATION", 0.85 if city else 0.6, Rank.CONTEXT)
    for match in folded.near_digits(_inward):
        outward = _outward.regex.search(text, max(0, match.start() - 5), match.start())
        if outward:
            yield Candidate(outward.start(), match.end(), "LOCATION", 0.7)
