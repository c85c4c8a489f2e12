"""Draw what was measured, on a ground of its own, so that it reads on a light page and on a dark one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import Row

_GROUND, _INK, _FAINT = "#ffffff", "#1c2430", "#d8dee6"
_COLOURS = {"right": "#2e7d5b", "bent": "#e0b040", "lost": "#8fa3b8", "wrong": "#c0392b"}
_NONE = "#eef1f5"


def outcomes(counts: Mapping[str, Mapping[str, int]], path: Path) -> None:
    """Draw for each peer what share of its answers was right, bent, lost and wrong."""
    figure, axes = _figure(8.6, 0.46 * len(counts) + 1.3)
    places = range(len(counts))
    left = [0.0] * len(counts)
    for outcome, colour in _COLOURS.items():
        shares = [100 * one.get(outcome, 0) / max(sum(one.values()), 1) for one in counts.values()]
        axes.barh(places, shares, left=left, color=colour, label=outcome, height=0.68)
        left = [start + share for start, share in zip(left, shares, strict=True)]
    for place, one in zip(places, counts.values(), strict=True):
        wrong = one.get("wrong", 0)
        axes.text(
            101, place, f"{wrong:,} wrong", va="center", color=_COLOURS["wrong"] if wrong else _INK, size=9
        )
    axes.set_yticks(places, list(counts), size=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of answers that come whole, and of scenes", size=9)
    axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(0, 1), frameon=False, fontsize=9, labelcolor=_INK)
    _save(figure, path)


def heat(worst: Mapping[str, Mapping[str, str]], rows: Sequence[str], path: Path) -> None:
    """Draw for each mutation and peer the worst that came of it."""
    from matplotlib.patches import Rectangle  # noqa: PLC0415

    figure, axes = _figure(8.6, 0.26 * len(rows) + 2.4)
    for column, cells in enumerate(worst.values()):
        for place, row in enumerate(rows):
            outcome = cells.get(row)
            axes.add_patch(
                Rectangle((column, place), 0.95, 0.92, color=_COLOURS[outcome] if outcome else _NONE)
            )
            if outcome and outcome != "right":
                axes.text(
                    column + 0.475, place + 0.48, outcome, ha="center", va="center", size=7.5,
                    color=_GROUND if outcome == "wrong" else _INK,
                )  # fmt: skip
    axes.set_xlim(0, len(worst))
    axes.set_ylim(len(rows), 0)
    names = [name.replace(", ", ",\n").replace("Reversible", "\nReversible") for name in worst]
    axes.set_xticks([place + 0.475 for place in range(len(worst))], names, size=7.5, rotation=40, ha="left")
    axes.xaxis.tick_top()
    axes.set_yticks([place + 0.46 for place in range(len(rows))], rows, size=8.5)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    _save(figure, path)


def faster(rows: Sequence[Row], path: Path) -> None:
    """Draw how many times faster than LLM Guard each thing is."""
    drawn = [(row.subject, row.faster) for row in rows if row.faster is not None]
    figure, axes = _figure(8.6, 0.42 * len(drawn) + 1.0)
    values = [value for _, value in drawn]
    axes.barh(range(len(drawn)), values, color=_COLOURS["right"], height=0.62)
    for place, value in enumerate(values):
        axes.text(
            value * 1.06, place, f"{value:,.0f}x" if value >= 20 else f"{value:.1f}x", va="center", size=9
        )
    axes.set_yticks(range(len(drawn)), [subject for subject, _ in drawn], size=8)
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(min(1.0, *values), max(values) * 2)
    axes.axvline(1, color=_INK, linewidth=1)
    axes.set_xlabel("times faster than LLM Guard 0.3.16 (logarithmic)", size=9)
    _save(figure, path)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib as mpl  # noqa: PLC0415 - only who draws needs it

    mpl.use("agg")
    mpl.rcParams.update({
        "svg.hashsalt": "benchmark", "svg.fonttype": "none", "font.family": "sans-serif", "text.color": _INK,
        "axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK, "axes.edgecolor": _FAINT,
        "axes.facecolor": _GROUND, "figure.facecolor": _GROUND, "axes.spines.top": False,
        "axes.spines.right": False,
    })  # fmt: skip
    from matplotlib import pyplot  # noqa: PLC0415

    figure, axes = pyplot.subplots(figsize=(width, height))
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", bbox_inches="tight", pad_inches=0.15, metadata={"Date": None})
    figure.clear()
