"""Tables of a mixture: by class and by component."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gmmbench.report.blocks import Column, Form, Number, Table
from gmmbench.report.inspected import Arrays, Inspected, sibling_distance


def class_table(of: Inspected) -> Table:
    """How much each class has, how likely its own pixels are, and which other class rivals it."""
    summary, names = of.summary, of.names
    low, high = (int(np.abs(summary["class_levels"] - level).argmin()) for level in (0.05, 0.95))
    columns = (
        Column("class", "class"),
        Column("pixels", "pixels", help="Labelled training pixels at the features' resolution.", numeric=True),
        Column("used", "components used", help="exp(entropy of the shares).", numeric=True),
        Column("own", "own log p", help="Mean log p(x | own class) of its pixels, in nats.", numeric=True),
        Column("own_low", "5 %", help="5 % of its pixels lie at or below this, in nats.", numeric=True),
        Column("own_high", "95 %", help="95 % of its pixels lie at or below this, in nats.", numeric=True),
        Column("margin", "margin", help="Mean of own log p less that of the best other class, nats.", numeric=True),
        Column("beaten", "beaten, %", help="Pixels whose best other class is the likelier one.", numeric=True),
        Column("rival", "best other class", help="The one that it most often is.", choices=True),
        Column("rival_share", "as often, %", help="For this share of the pixels.", numeric=True),
    )
    rows = []
    for c, name in enumerate(names):
        rival = int(summary["next_class"][c])
        rows.append((
            name,
            Number(float(summary["pixels"][c]), Form.COUNT),
            _plain(summary["effective"][c]),
            _plain(summary["own_mean"][c]),
            _plain(summary["own_quantiles"][c, low]),
            _plain(summary["own_quantiles"][c, high]),
            _plain(summary["margin_mean"][c]),
            Number(float(summary["beaten"][c])),
            names[rival] if rival >= 0 else None,
            Number(float(summary["next_share"][c])),
        ))  # fmt: skip
    note = "Densities are those of single classes, without priors and without what training makes logits of them."
    return Table(of.key("classes"), f"Classes of {of.model.label}", columns, tuple(rows), (note,))


def component_table(of: Inspected) -> Table:
    """Weight, share, size and neighbours of each component."""
    summary, names = of.summary, of.names
    siblings = sibling_distance(summary)
    columns = (
        Column("class", "class", choices=True),
        Column("component", "component", numeric=True),
        Column("weight", "weight, %", help="In its class's density.", numeric=True),
        Column("share", "share, %", help="Of the class's training pixels: mean responsibility.", numeric=True),
        Column("spread", "spread", help="sqrt(trace(Sigma) / D), in units of the features.", numeric=True),
        Column("log_volume", "log volume", help="log |Sigma| / D, nats a channel.", numeric=True),
        Column(
            "distance",
            "distance²",
            help="Mean squared Mahalanobis distance of its pixels, a channel: 1 where it is as wide as they.",
            numeric=True,
        ),
        Column("sibling", "to own class", help="Distance to the nearest mean of its class.", numeric=True),
        Column("other", "to another class", help="Distance to the nearest mean of another class.", numeric=True),
        Column("whose", "which", help="That class.", choices=True),
        Column("state", "state", choices=True),
    )
    rows = []
    for c, name in enumerate(names):
        for m in range(summary["share"].shape[1]):
            whose = int(summary["other_class"][c, m])
            rows.append((
                name,
                Number(m + 1, Form.COUNT),
                Number(float(summary["weight"][c, m])),
                Number(float(summary["share"][c, m])),
                _plain(summary["spread"][c, m]),
                _plain(summary["log_volume"][c, m]),
                _plain(summary["distance"][c, m]),
                _plain(siblings[c, m]),
                _plain(summary["other_distance"][c, m]),
                names[whose] if whose >= 0 else None,
                _state(summary, c, m),
            ))  # fmt: skip
    return Table(
        of.key("components"), f"Components of {of.model.label}", columns, tuple(rows), (_about_weights(of.summary),)
    )  # fmt: skip


def _state(summary: Arrays, c: int, m: int) -> str:
    if not summary["started"][c, m]:
        return "never started"
    return "dead" if summary["dead"][c, m] else "alive"


def _about_weights(summary: Arrays) -> str:
    """Whether weights are learnt, in words."""
    known = summary["weight"][np.isfinite(summary["weight"])]
    if not known.size:
        return "A class's density is that of its likeliest component: there are no weights."
    if np.unique(known[known > 0]).size == 1:
        return "Weights are the same for all components of a class, by design: none is learnt. Shares are measured."
    return "Weights are equal within a class, shared by the components that were given pixels; shares are measured."


def _plain(value: Any) -> Number:
    value = float(value)
    return Number(value if math.isfinite(value) else math.nan, Form.PLAIN)
