"""The code of the documentation's pages that runs in an environment of its own: it is fenced as `py`."""

import re
from pathlib import Path

_DOCS = Path(__file__).parents[1] / "docs"


def page_blocks(page: str) -> list[str]:
    """Return the blocks of a page that need an engine."""
    return re.findall(
        r"^```py\n(.*?)^```$", (_DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def migration(page: str) -> tuple[str, str]:
    """Return the code before and the code behind the change that a page of migration/ shows."""
    text = (_DOCS / "migration" / page).read_text(encoding="utf-8")
    [change] = re.findall(r"^```diff\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    before, behind = (
        "".join(line[1:] for line in change.splitlines(keepends=True) if line[:1] in (*" \n", sign))
        for sign in "-+"
    )
    return before, behind
