"""The word lists that training needs, kept in ``templates/lists.txt``: one list a line."""

from pathlib import Path

FOLDER = Path(__file__).parent / "templates"

LISTS: dict[str, list[str]] = {
    name: values.split("|")
    for name, _, values in (
        line.partition(": ") for line in (FOLDER / "lists.txt").read_text(encoding="utf-8").splitlines()
    )
}
