"""What ``gmmbench inspect`` prints."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table


def classes(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of each class its pixels, its components' shares, how many it uses, its mean log-density in nats, how far that
    lies above the best other class's, and which that most often is.
    """
    names = [str(name) for name in summary["classes"]]
    found = []
    for c, name in enumerate(names):
        rival = int(summary["next_class"][c])
        numbers = {key: float(summary[key][c]) for key in ("effective", "own_mean", "margin_mean")}
        shares = [float(share) for share in summary["share"][c]]
        about = {"class": name, "pixels": int(summary["pixels"][c]), "shares": shares}
        found.append(about | numbers | {"next_class": names[rival] if rival >= 0 else None})
    return found


def classes_table(summary: Mapping[str, Any]) -> Table:
    """A line a class."""
    table = Table(title="training pixels of each class; densities in nats", title_justify="left", box=None)
    table.add_column("class", overflow="fold")
    for title in ("pixels", "shares, %", "used", "own", "margin"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("to", overflow="fold")
    for about in classes(summary):
        numbers = (about[key] for key in ("effective", "own_mean", "margin_mean"))
        table.add_row(
            escape(about["class"]),
            f"{about['pixels']:,}",
            _shares(about["shares"]),
            *(f"{number:.1f}" if math.isfinite(number) else "-" for number in numbers),
            escape(about["next_class"] or "-"),
        )
    return table


def density(summary: Mapping[str, Any], held_out: str) -> Iterator[str]:
    """Dead components, and how far the held-out split lies below the training split."""
    dead = int(summary["dead"].sum())
    total = int(summary["started"].sum())
    yield f"{dead} of {total} components hold less than 0.1 % of their class's pixels"
    if "test_levels_below" in summary:
        at = int(abs(summary["density_levels"] - 0.05).argmin())
        share = 100 * float(summary["test_levels_below"][at])
        yield f"{share:.1f} % of the pixels of {held_out} lie where 5 % of the training pixels do: at or below" + (
            f" {float(summary['density_quantiles'][at]):.1f} nats"
        )


def _shares(shares: Sequence[float]) -> str:
    """Largest first; those beyond the fourth as a number."""
    if not all(map(math.isfinite, shares)):
        return "-"
    ranked = sorted(shares, reverse=True)
    more = f" +{len(ranked) - 4}" if len(ranked) > 4 else ""
    return " ".join(f"{100 * share:.0f}" for share in ranked[:4]) + more
