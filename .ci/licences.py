"""List the licences of all that the package and its extras bring, and refuse those that do not fit MIT.

    make licences                   writes docs/licences.md from what is installed here, and checks it

Reads the metadata of what is installed, asks nobody. A licence that is not known to fit is an error: look at
it, and add it here with the reason.
"""

import argparse
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
FIT = re.compile(
    r"\b(?:MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|Unlicense|CC0|Zlib|HPND|0BSD)\b",
    re.IGNORECASE,
)
KNOWN = {
    "langserve": "LangServe License",  # an extra; may not be offered as a hosted service, see the page
    "detect-secrets": "Apache-2.0",  # stands in its repository, not in its metadata
    "psycopg": "LGPL-3.0-only",  # a library of an extra, used as it is
    "psycopg-binary": "LGPL-3.0-only",
}
HEAD = """\
# Licences of the dependencies

What the package brings along, by the part that needs it first; made by `make licences` from the packages'
own metadata. LLM Guard, PyTorch, transformers, GLiNER, NeMo Guardrails and Guardrails AI are extras that you
choose knowingly, and not listed; their models have licences of their own, some of which forbid commercial
use: see [detectors](detection.md).

Two are not permissive. LangServe (extra `serve`) has a licence of its own: you may serve your chains with it,
but not offer LangServe itself to others as a hosted or managed service. psycopg (extra `postgres`) is under
the LGPL, and used as the library that it is.

| package | licence | comes with |
|---|---|---|
"""
EXTRAS = (
    "openai", "surrogates", "langfuse", "opentelemetry", "redis", "sql", "postgres", "encryption", "secrets",
    "serve", "agents", "azure", "lakera", "presidio",
)  # fmt: skip


def main() -> int:
    """Write the page, or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a licence does not fit")
    options = parser.parse_args()
    rows: dict[str, tuple[str, str]] = {}
    for extra in ("", *EXTRAS):
        for name in sorted(closure("langchain-secguard", {extra} if extra else set())):
            if name != "langchain-secguard":
                rows.setdefault(name, (licence_of(name), extra or "the core"))
    bad = [name for name, (licence, _) in rows.items() if name not in KNOWN and not FIT.search(licence)]
    if bad:
        print("licences that are not known to fit:", {name: rows[name][0] for name in bad}, file=sys.stderr)
        return 1
    if not options.check:
        PAGE.write_text(page(rows), encoding="utf-8")
    print(f"{len(rows)} packages, all with licences that fit")
    return 0


def closure(name: str, extras: set[str]) -> set[str]:
    """List what a package needs, and what that needs; what is not installed is left out."""
    found: set[str] = set()
    todo = [(name, frozenset(extras))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        one = todo.pop()
        if one in seen:
            continue
        seen.add(one)
        try:
            dist = distribution(one[0])
        except PackageNotFoundError:
            continue
        found.add(canonical(dist.metadata["Name"]))
        todo += needs(dist, one[1])
    return found


def needs(dist: Distribution, extras: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
    """List what one package needs with these extras."""
    needed = map(Requirement, dist.requires or [])
    wanted = [""] if not extras else ["", *extras]
    return [
        (canonical(one.name), frozenset(one.extras))
        for one in needed
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in wanted)
    ]


def licence_of(name: str) -> str:
    """Read a licence: the expression, the classifiers, or the field."""
    if name in KNOWN:
        return KNOWN[name]
    metadata = distribution(name).metadata
    lines = [line for line in metadata.get_all("Classifier") or [] if line.startswith("License ::")]
    classified = ", ".join(line.rsplit(" :: ", 1)[1] for line in lines)
    said = metadata.get("License-Expression") or classified or metadata.get("License") or ""
    return said.strip().splitlines()[0][:60] if said.strip() else "not said"


def canonical(name: str) -> str:
    """Write a name as package indexes do."""
    return re.sub(r"[-_.]+", "-", name).lower()


def page(rows: dict[str, tuple[str, str]]) -> str:
    """Write the page."""
    ordered = sorted(rows.items(), key=order)
    listed = (f"| {name} | {licence} | {extra} |" for name, (licence, extra) in ordered)
    return HEAD + "\n".join(listed) + "\n"


def order(row: tuple[str, tuple[str, str]]) -> tuple[bool, str, str]:
    """Put the core first."""
    return row[1][1] != "the core", row[1][1], row[0]


if __name__ == "__main__":
    raise SystemExit(main())
