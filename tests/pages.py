"""The code of the documentation's pages that runs in an environment of its own: it is fenced as `py`."""

import re
from pathlib import Path

_DOCS = Path(__file__).parents[1] / "docs"


def page_blocks(page: str) -> list[str]:
    """Return the blocks of a page that need an engine."""
    return re.findall(
        r"^```py\n(.*?)^```$", (_DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
