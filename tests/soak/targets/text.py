"""Texts that arrive in pieces: any cut gives what the whole gives, and only what was issued is restored."""

import html
import json
import re
from functools import reduce
from itertools import chain
from operator import add
from typing import Any

from langchain_core.messages import AIMessageChunk

from langchain_secguard.json_text import Edit, JsonStream, Piece, edit_strings
from langchain_secguard.leaf import Reader
from langchain_secguard.links import link_keys
from langchain_secguard.placeholders import Form, Placeholder
from langchain_secguard.restore import Restorer, Rules
from langchain_secguard.steps import drive
from langchain_secguard.stream import StreamRestorer
from langchain_secguard.urls import UrlTracker
from langchain_secguard.vault import Entity, PhraseIndex, Vault
from langchain_secguard.vault.phrases import PhraseStream, phrase_keys
from tests.soak.inputs import Bytes, cut, written
from tests.soak.targets import Target
from tests.unit.nasty import FRAGMENTS, VALUES
from tests.unit.test_json_text import Letters
from tests.unit.test_placeholders import LONG_RUNS, PLAIN, READ
from tests.unit.test_urls import INSIDE, OUTSIDE

MARKS = re.compile("[\ue000\ue001]")
"""What encloses every value of the vault, so that it is told from all that a text may hold."""

FORMS = [Form(), Form("llm_guard"), Form(check_key=b"0123456789abcdef")]
SPACES = [*map(chr, (0x20, 0x0A, 0xA0)), "", "\t", " \n "]


def _value(name: str) -> str:
    return f"\ue000{name}\ue001"


def _issue() -> Vault:
    """Fill a vault: linked people, values that look like syntax, and places behind surrogates."""
    vault = Vault("v")
    names = ["Jane Doe", "Doe", "Bob Roe", 'O"Brien \\ Sons', "line\nbreak", "[PERSON_1]"]
    people = [Entity("PERSON", _value(name), keys=link_keys("PERSON", name)) for name in names]
    others = [Entity(name, _value(name)) for name in ("EMAIL_ADDRESS", "URL", "CUSTOM", "US_SSN")]
    fakes = {"a": "Port Ellen", "b": "Port Ellen Harbour", "c": "Mill", "d": "Saint-Denis d'Oléron"}
    places = [Entity("LOCATION", _value(name), (fake,)) for name, fake in fakes.items()]
    vault.assign([*people, *others, *places])
    return vault


VAULT = _issue()
ENTRIES = {entry.ref: entry for entry in VAULT.entries()}
NO_SURROGATES: PhraseIndex[Any] = PhraseIndex()


def check_stream(data: bytes) -> None:
    """Restore a text whole and in pieces, and find each value behind a spelling of its placeholder."""
    read = Bytes(data)
    form, shape = read.choice(FORMS), read.number(4)
    unknown: Any = ("keep", "drop")[read.number(2)]
    rules = Rules(unknown=unknown, urls=read.chance(), json=read.chance() or shape == 3)
    surrogates = VAULT.surrogates() if read.chance() else NO_SURROGATES
    places = read.places()
    text = MARKS.sub("", read.text())

    restorer = _restorer(form, rules, surrogates)
    whole = drive(restorer.whole(text), VAULT.lookup)
    assert whole == _written_out(text, form, rules, surrogates)
    fine = 60 if shape < 2 else 20  # to add messages up takes long
    for pieces in (cut(text, places), list(text[:fine]) + cut(text[fine:], places)):
        stream = StreamRestorer(_restorer(form, rules, surrogates), None)
        assert _streamed(stream, pieces, shape) == whole
    if rules.json and unknown == "keep" and _is_json(text):
        json.loads(whole)


def _restorer(form: Form, rules: Rules, surrogates: PhraseIndex[Any]) -> Restorer:
    reader = Reader(form, VAULT.vault_id)
    reader.surrogates = surrogates
    return Restorer(reader, rules, None)


def _written_out(text: str, form: Form, rules: Rules, surrogates: PhraseIndex[Any]) -> str:
    """Restore ``text`` by the parts that are read of it, each checked against what the form writes."""
    restorer = _restorer(form, rules, surrogates)
    parts: list[Any] = list(restorer.read(text))
    assert "".join(map(_as_read, parts)) == text
    for part in parts:
        found = part.found if isinstance(part, Piece) else part
        if isinstance(found, Placeholder) and found.ref in ENTRIES:
            fake = ENTRIES[found.ref].surrogate
            minted = _letters_of(form.mint(found.ref, VAULT.vault_id))
            is_fake = fake is not None and bool({*phrase_keys(found.text)} & {*phrase_keys(fake)})
            assert is_fake or _said_by(found) == minted
    out = restorer.write(parts, ENTRIES)
    assert len(MARKS.findall(out)) == 2 * restorer.tally.restored.total()
    return out


def _said_by(found: Placeholder) -> str:
    """Write what a spelling says: its letters and digits, without its tail."""
    text = html.unescape(found.text)
    return _letters_of(re.sub(r"['\u2019]s(?=\W*$)", "", text) if found.tail else text)


def _letters_of(spelling: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", spelling).upper().removeprefix("REDACTED")


def _as_read(part: Any) -> str:
    if isinstance(part, str):
        return part
    return part.raw if isinstance(part, Piece) else str(part.text)


def _streamed(stream: StreamRestorer, pieces: list[str], shape: int) -> str:
    """Stream pieces as strings, as messages, as content blocks, or as arguments of a tool call."""
    given: list[Any] = []
    for chunk in (_chunk(piece, shape) for piece in pieces):
        given += [chunk] if stream.quick(chunk) else drive(stream.feed(chunk), VAULT.lookup)
    given += drive(stream.flush(), VAULT.lookup)
    if shape == 0:
        return "".join(given)
    if not given:
        return ""
    total = reduce(add, given)
    if shape == 1:
        return str(total.content)
    if shape == 2:
        return "".join(block["text"] for block in total.content)
    return "".join(chunk["args"] or "" for chunk in total.tool_call_chunks)


def _chunk(piece: str, shape: int) -> Any:
    if shape == 0:
        return piece
    if shape == 1:
        return AIMessageChunk(content=piece, id="run-1")
    if shape == 2:
        return AIMessageChunk(content=[{"type": "text", "text": piece, "index": 0}])
    call = {"name": None, "args": piece, "id": None, "index": 0, "type": "tool_call_chunk"}
    return AIMessageChunk(content="", tool_call_chunks=[call])


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def check_json(data: bytes) -> None:
    """Edit the literals of JSON, broken or not, and read it in pieces."""
    read = Bytes(data)
    places, text = read.places(), read.text()
    assert edit_strings(text, lambda _: []) == text
    whole = _letters([text])
    assert "".join(map(_as_written, whole)) == text
    for pieces in (cut(text, places), list(text)):
        assert _joined(_letters(pieces)) == _joined(whole)
    if _is_json(text):
        edited = edit_strings(text, _doubled)
        assert _paired(json.loads(edited)) == _paired(_each(json.loads(text))), (text, edited)


def _doubled(content: str) -> list[Edit]:
    return [(0, len(content), '"\\' + content)]


def _each(value: Any) -> Any:
    """Do to a parsed value what :func:`_doubled` does to its text."""
    if isinstance(value, str):
        return '"\\' + value
    if isinstance(value, list):
        return [_each(item) for item in value]
    return {'"\\' + key: _each(item) for key, item in value.items()} if isinstance(value, dict) else value


def _paired(value: Any) -> Any:
    """Make one character of two halves of it: written as escapes, no reader tells them from it."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if isinstance(value, list):
        return [_paired(item) for item in value]
    return {_paired(key): _paired(item) for key, item in value.items()} if isinstance(value, dict) else value


def _letters(pieces: list[str]) -> list[Any]:
    stream: JsonStream[int] = JsonStream(Letters)
    return [*chain.from_iterable(map(stream.feed, pieces)), *stream.flush()]


def _as_written(part: Any) -> str:
    if isinstance(part, int):
        return "AB"[:part]
    return part.raw if isinstance(part, Piece) else str(part)


def _joined(parts: list[Any]) -> list[Any]:
    joined: list[Any] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return joined


def check_urls(data: bytes) -> None:
    """Ask where URLs are as the pair does, however the text between two values is cut."""
    read = Bytes(data)
    done = [read.number(5) for _ in range(8)]
    places = read.places()
    pieces = cut(read.text(), places)
    rough, fine = UrlTracker(), UrlTracker()
    for number, piece in enumerate(pieces):
        rough.feed(piece)
        for character in piece:
            fine.feed(character)
        if done[number] or number == len(pieces) - 1:  # who asks puts a value there, or leaves one out
            told = _told(rough)
            assert told == _told(fine)
            assert not told[0] or 0 <= rough.end(piece, 0) <= len(piece)
            for tracker in (rough, fine):
                _pass_over(tracker, done[number], refused=told[0])
    assert _told(rough) == _told(fine)


def _told(tracker: UrlTracker) -> tuple[bool, bool, int]:
    return tracker.refuses("PERSON"), tracker.refuses("URL"), tracker.depth


def _pass_over(tracker: UrlTracker, what: int, *, refused: bool) -> None:
    if what > 2 and refused:
        tracker.hide("" if what == 3 else "[URL]")
    else:
        tracker.skip("URL" if what == 2 else "PERSON")


def check_phrases(data: bytes) -> None:
    """Find phrases in a text whole and in pieces: at the same places, and as they were learnt."""
    read = Bytes(data)
    known = [read.text(read.number(16)) for _ in range(read.number(6))]
    space, places = read.choice(SPACES), read.places()
    text = space.join([*known, read.text()])
    index: PhraseIndex[str] = PhraseIndex(streamed=True)
    for value in known:
        for key in phrase_keys(value):
            index.add(key, value)
    stream: PhraseStream[str] = PhraseStream()
    whole = [*stream.feed(text, index), *stream.flush(index)]
    found = [(match.start, match.end) for match in index.find(text)]
    assert _places(whole) == found
    for pieces in (cut(text, places), list(text)):
        stream = PhraseStream()
        fed = [*chain.from_iterable(stream.feed(piece, index) for piece in pieces), *stream.flush(index)]
        assert _places(fed) == found
    for start, end in found:
        assert set(phrase_keys(text[start:end])) & {key for value in known for key in phrase_keys(value)}


def _places(parts: list[str | tuple[str, str]]) -> list[tuple[int, int]]:
    places, at = [], 0
    for part in parts:
        size = len(part if isinstance(part, str) else part[0])
        if not isinstance(part, str):
            places.append((at, at + size))
        at += size
    return places


def _stream_seeds() -> list[bytes]:
    texts = [
        *VALUES,
        *FRAGMENTS,
        *PLAIN,
        *(spelling for spelling, *_ in READ),
        *(run[:200] for run in LONG_RUNS),
    ]
    mixed = [form.mint(ref, "v") + " at Port Ellen, " for form in FORMS for ref in ENTRIES]
    quoted = [json.dumps({"a": [text], text: 1}) for text in (*mixed[:4], 'b\\"é', "\ud83d\ude00[PERSON_1]")]
    return [
        written(number % 3, number % 4, 0, number % 2, number % 2, 1, places=[number, 3 * number], text=text)
        for number, text in enumerate([*texts, *mixed, *quoted])
    ]


def _json_seeds() -> list[bytes]:
    texts = [
        '{"a\\\\": "A"}',
        '["\\ud83d\\ude00A"]',
        '"\\uD83D\\nA"',
        '"\\u00',
        '{"x": {"AB": [1, "\\u0041"]}}',
    ]
    return [written(places=[number], text=text) for number, text in enumerate(texts)]


def _url_seeds() -> list[bytes]:
    return [
        written(*(number % 5 for _ in range(8)), places=[number, 5 * number], text=text[:300])
        for number, text in enumerate([*INSIDE, *OUTSIDE])
    ]


def _phrase_seeds() -> list[bytes]:
    names = [
        name.encode() for name in ("Jane Doe", "JANE", "\u0130lke Su", "O'Neil", "e\u0301ve", "a b c d e f g")
    ]
    seeds = []
    for number, name in enumerate(names):
        known = b"".join(bytes([len(one)]) + one for one in (name, names[number - 1]))
        seeds.append(b"\x02" + known + written(number, places=[number], text=name.decode().upper()))
    return seeds


TARGETS = {
    "stream": Target(
        check_stream, _stream_seeds, [*FRAGMENTS, "PERSON_1b", "[LOCATION_2]", "Ellen", "Port "], 256
    ),
    "json": Target(check_json, _json_seeds, ["\\u", "\\ud83d", "\\ude00", '"', "\\\\", "A", "B"]),
    "urls": Target(
        check_urls, _url_seeds, [*(text[:30] for text in INSIDE), '"', "'", "<", ">", "\\)", "\n"]
    ),
    "phrases": Target(check_phrases, _phrase_seeds, ["Jane Doe", " ", "\n", "'", "\u0130", "\u00df"]),
}
