"""Hold the reference to the package: the site is not built where a public name stands on no page of it."""

import ast
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "langchain_secguard"
_ANCHOR = re.compile(r'id="(langchain_secguard\.[\w.]+)"')
_BLOCK = re.compile(r"^```(?:python|py)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def on_post_build(*, config: Any) -> None:
    """Look for each public name, and each name that a page imports, among the headings of the reference."""
    pages = (Path(config["site_dir"]) / "reference").glob("*.html")
    described = {anchor for page in pages for anchor in _ANCHOR.findall(page.read_text(encoding="utf-8"))}
    missing = sorted(name for name, homes in {**_public(), **_imported()}.items() if not homes & described)
    if missing:
        raise PluginError(f"These names are on no page of docs/reference: {', '.join(missing)}")


def _public() -> dict[str, set[str]]:
    """Return what the package and its parts list in ``__all__``, with the places that may describe it."""
    return {
        f"{package}.{name}": {
            f"{place}.{name}" for place in (package, origins.get(name), "langchain_secguard")
        }
        for path in [PACKAGE / "__init__.py", *PACKAGE.glob("*/__init__.py")]
        for package, listed, origins in [_names(path)]
        for name in listed
    }


def _names(path: Path) -> tuple[str, list[str], dict[str, str]]:
    """Return a package's name, its ``__all__``, and the module that each name is imported from."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    listed: list[str] = []
    origins = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            origins.update({alias.asname or alias.name: node.module for alias in node.names})
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            listed = ast.literal_eval(node.value)
    return ".".join(path.parent.relative_to(ROOT).parts), listed, origins


def _imported() -> dict[str, set[str]]:
    """Return what the code blocks of the pages import from the package."""
    blocks = [
        block
        for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        for block in _BLOCK.findall(page.read_text(encoding="utf-8"))
    ]
    public = _public()
    return {
        name: public.get(name, {name})
        for block in blocks
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("langchain_secguard")
        for name in [f"{node.module}.{alias.name}" for alias in node.names]
    }
