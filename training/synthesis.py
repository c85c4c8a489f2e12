"""Write made-up texts with known names, from templates of ours."""

import re
import sysconfig
from collections.abc import Callable
from pathlib import Path

from training.corpora import Document, Entity
from training.invention import Inventor, Person
from training.lists import FOLDER, LISTS

KINDS = ("legal", "legal", "mail", "chat", "forms", "news", "prompts", "negative")
Value = tuple[str, str | None]
"""A text and the type of entity that it is, if it is one."""

_SLOT = re.compile(r"\{([a-zA-Z]+?)(\d?)(?:\.(\w+))?(?:\|(\w+))?\}")
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\\\n": "\\n"}
_CREDITS = re.compile(
    r"@|author|copyright|written|contributed|thanks|credit|\bby [a-z]|[a-z]+ [a-z]\. |guido|knuth|london|york"
    r"|berlin|paris|monty|python software|microsoft|apple|google|sun\b|ibm|america|europe|january",
    re.IGNORECASE,
)


class Writer:
    """Write documents from the templates; the same seed writes the same ones."""

    def __init__(self, seed: int) -> None:
        self.inventor = Inventor(seed)
        self.random = self.inventor.random
        self.templates = {
            kind: (FOLDER / f"{kind}.txt").read_text(encoding="utf-8").strip("\n").split("\n")
            for kind in set(KINDS)
        }
        self.code = [text for path in _code_files() if len(text := path.read_text(encoding="utf-8")) > 2000]
        self.fillers = {**_fillers(self.inventor), **_entities(self.inventor)}

    def document(self) -> Document:
        """Write one text of one to six sentences of a kind, some of them with no names in them."""
        kind = self.random.choice(KINDS)
        cast, text, entities = {}, "", []
        for _ in range(self.random.choice([1, 1, 1, 2, 3, 4, 6])):
            if self.random.random() < 0.45:
                cast = {}
            family = kind if self.random.random() < 0.75 else "negative"
            part = self.sentence(self.random.choice(self.templates[family]), cast)
            entities += [Entity(e.start + len(text), e.end + len(text), e.kind) for e in part.entities]
            text += part.text + self.random.choice([" ", "\n", "\n\n"])
        text = text.rstrip()
        draw = self.random.random()
        changed = text.lower() if draw < 0.06 else text.upper() if draw < 0.09 else text
        document = Document(changed if len(changed) == len(text) else text, tuple(entities))
        return self._numbered(document) if kind == "legal" and self.random.random() < 0.15 else document

    def excerpt(self) -> Document:
        """Cut a piece without names out of Python's own library."""
        while True:
            text = self.random.choice(self.code)
            start = self.random.randrange(len(text))
            piece = text[start : start + self.random.randint(200, 1200)].partition("\n")[2]
            if piece.strip() and not _CREDITS.search(piece):
                return Document(piece, ())

    def sentence(self, template: str, cast: dict[str, Person | Value]) -> Document:
        """Fill a template; ``cast`` holds who and what was named before."""
        text, entities, before = "", [], 0
        template = re.sub(r"\\\\n|\\n|\\t", lambda match: _ESCAPES[match.group()], template)
        for match in _SLOT.finditer(template):
            text += template[before : match.start()]
            value, kind = self._value(match, cast)
            if kind and entities and _goes_on(entities[-1], kind, text):
                entities[-1] = Entity(entities[-1].start, len(text) + len(value), kind)
            elif kind:
                entities.append(Entity(len(text), len(text) + len(value), kind))
            text += value
            before = match.end()
        return Document(text + template[before:], tuple(entities))

    def _numbered(self, document: Document) -> Document:
        """Lay a text out as transcripts are: short lines with numbers, which cut names in two."""
        text, entities, before, number, width = (
            "",
            [],
            0,
            self.random.randint(1, 25),
            self.random.randint(45, 65),
        )
        form = self.random.choice(["\n{:>2}   ", "\n{}  ", "\n {:>2}  ", "\n{}\t"])
        for match in re.finditer(r"\s+", document.text):
            if match.start() - before < width and "\n" not in match.group():
                continue
            line = document.text[before : match.start()]
            text += form.format(number) + line
            entities += _within(document.entities, before, match.start(), len(text) - len(line))
            before, number = match.end(), number % 25 + 1
        line = document.text[before:]
        text += form.format(number) + line
        entities += _within(document.entities, before, len(document.text), len(text) - len(line))
        return Document(text, tuple(entities))

    def _value(self, match: re.Match[str], cast: dict[str, Person | Value]) -> Value:
        kind, number, part, case = match.groups()
        slot = kind + number
        if slot not in cast:
            cast[slot] = self.inventor.person() if kind == "p" else self.fillers[kind]()
        known = cast[slot]
        value, label = (known.part(part), "PERSON") if isinstance(known, Person) else known
        if part == "short":
            value = value.split()[0]
        if case == "spell":
            return "-".join(self.random.choice([value, value.upper()])), label
        return {"upper": value.upper(), "lower": value.lower()}.get(case, value), label


def _goes_on(last: Entity, kind: str, text: str) -> bool:
    """Tell whether a value continues the last one: an initial's last name, or a street's city."""
    if last.kind != kind:
        return False
    between = text[last.end :]
    return between == " " or (between == ", " and kind == "LOCATION" and text[last.start].isdigit())


def _within(entities: tuple[Entity, ...], start: int, end: int, to: int) -> list[Entity]:
    """Move the parts of entities between ``start`` and ``end`` to where that stretch goes."""
    return [
        Entity(max(entity.start, start) - start + to, min(entity.end, end) - start + to, entity.kind)
        for entity in entities
        if entity.start < end and entity.end > start
    ]


def _entities(inventor: Inventor) -> dict[str, Callable[[], Value]]:
    choice, pick = inventor.random.choice, inventor.pick
    places = {
        "city": inventor.city,
        "state": lambda: pick("states"),
        "country": inventor.country,
        "county": lambda: f"{choice([inventor.us.last_name(), inventor.city()])} County",
        "place": lambda: pick("landmarks"),
        "street": inventor.street,
        "streetname": lambda: f"{choice([*LISTS['streets'], inventor.us.last_name()])} {pick('ways')}",
        "addr": lambda: inventor.address(choice([", ", ", ", ", ", "\n", ",\n", " "])),
        "addrlines": lambda: inventor.address("\n"),
        "zip": inventor.us.postcode,
    }
    organizations = {"org": inventor.organization, "team": lambda: pick("teams"), "acronym": inventor.acronym}
    return {
        **_typed(places, "LOCATION"),
        **_typed(organizations, "ORGANIZATION"),
        **_typed({"plain": inventor.plain}, "PERSON"),
    }


def _fillers(inventor: Inventor) -> dict[str, Callable[[], Value]]:
    choice, number, pick, us = inventor.random.choice, inventor.random.randint, inventor.pick, inventor.us

    def date() -> str:
        month, day, year = pick("months"), number(1, 28), number(1950, 2026)
        numeric = f"{number(1, 12)}/{day}/{year % 100:02}", f"{year}-{number(1, 12):02}-{day:02}"
        return choice([f"{month} {day}, {year}", f"{day} {month} {year}", *numeric])

    def job() -> str:
        title = us.job().split(",")[0]
        return title.lower() if inventor.random.random() < 0.6 else title

    def placeholder() -> str:
        kind = choice(["PERSON", "ORGANIZATION", "LOCATION", "REDACTED_PERSON", "EMAIL_ADDRESS"])
        return f"[{kind}_{number(1, 40)}]"

    def code() -> str:
        return choice(["{}:{}-cv-{}", "{}-{}-CR-{}", "CV-{}{}-{}"]).format(
            number(1, 24), number(10, 24), number(1000, 99999)
        )

    def clock() -> str:
        return f"{number(1, 12)}:{number(10, 59)}{choice([' p.m.', '', ' AM', 'pm'])}"

    plain = {
        "title": lambda: pick("titles"),
        "TITLE": lambda: choice(["MR.", "MS.", "MRS.", "DR."]),
        "date": date,
        "email": us.email,
        "phone": us.phone_number,
        "num": lambda: str(number(2, 10 ** number(1, 8))),
        "age": lambda: str(number(18, 95)),
        "year": lambda: str(number(1930, 2026)),
        "code": code,
        "money": lambda: choice(["${} million", "${},000", "\u20ac{}", "${}.00"]).format(number(2, 900)),
        "job": job,
        "user": us.user_name,
        "time": clock,
        "url": us.url,
        "weekday": lambda: pick("days"),
        "poss": lambda: choice(["his", "her", "their"]),
        "pron": lambda: choice(["he", "she"]),
        "kin": lambda: pick("kin"),
        "demonym": lambda: pick("demonyms"),
        "ph": placeholder,
        "term": lambda: pick("terms"),
        "tech": lambda: pick("technology"),
        "camel": inventor.camel,
        "snake": inventor.snake,
    }
    return _typed(plain, None)


def _typed(makers: dict[str, Callable[[], str]], kind: str | None) -> dict[str, Callable[[], Value]]:
    def typed(make: Callable[[], str]) -> Callable[[], Value]:
        return lambda: (make(), kind)

    return {name: typed(make) for name, make in makers.items()}


def _code_files() -> list[Path]:
    library = Path(sysconfig.get_path("stdlib"))
    names = ("asyncio", "email", "http", "json", "logging", "unittest", "xml/dom")
    return sorted(
        path for folder in [library, *(library / name for name in names)] for path in folder.glob("*.py")
    )
