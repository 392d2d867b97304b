"""Section 7: what the mixtures learnt, of every model that ``gmmbench inspect`` looked at."""

from __future__ import annotations

from gmmbench.report import mixture_figures
from gmmbench.report.blocks import (
    Block,
    Bullets,
    Code,
    CodeBlock,
    Figure,
    Fold,
    Inline,
    Paragraph,
    Section,
    Words,
    inlines,
)
from gmmbench.report.figures import own_style
from gmmbench.report.inspected import DRAWN, MOST_DRAWN, Inspected, of_another_model
from gmmbench.report.material import Material
from gmmbench.report.mixture_findings import findings
from gmmbench.report.mixture_tables import class_table, component_table
from gmmbench.report.seen import images_seen
from gmmbench.results.mixture import load_about, load_patches

FOLDER = "mixture"
HOW_TO: tuple[Inline, ...] = (
    "What a mixture learnt is shown of runs that ",
    Code("gmmbench inspect CONFIG CHECKPOINT --out RUN"),
    " has looked at.",
)
"""What to say where no run has it."""


def mixture_section(material: Material) -> Section | None:
    """Each inspected model: what stands out, shares, tables by class and component, a plane, nearest training pixels.

    ``None`` where no run was inspected; ``HOW_TO`` then says how.
    """
    found: list[Inspected] = []
    notes: list[Block] = []
    for model in material.models:
        run = next((run for run in model.runs if (run.folder.path / FOLDER).is_dir()), None)
        summary = run.folder.mixture() if run is not None else None
        if run is None or summary is None:
            if model.generative:
                notes.append(Paragraph((f"{model.label} was not inspected. ", *HOW_TO)))
            continue
        about = load_about(run.folder.path)
        if of_another_model(run, about):
            words = f"The mixture stored with {model.label} is of another checkpoint and is left out. "
            notes.append(Paragraph((words, *HOW_TO), warning=True))
            continue
        found.append(Inspected(model, run, len(found) + 1, summary, about))
    if not found:
        return None
    parts = [Section(each.key("of"), each.model.label, tuple(_blocks(material, each))) for each in found]
    return Section("mixture", "What the mixture learnt", (_introduction(), *notes, *parts))


def _introduction() -> Paragraph:
    return Paragraph(
        "Each class is a mixture of Gaussians, its components, in the space of the network's features. A component's"
        " share is how much of its class's training pixels it answers for. Densities are natural logarithms (nats):"
        " they may be positive, and only their differences mean something."
    )


def _blocks(material: Material, of: Inspected) -> list[Block]:
    with own_style():  # the figures are drawn and saved by its settings
        drawn = [_shares(material, of), _plane(material, of)]
        pieces = _patches(material, of)
    blocks: list[Block] = [Bullets(tuple(findings(of)))]
    blocks += [drawn[0], class_table(of), drawn[1], pieces]
    table = component_table(of)
    blocks.append(table if len(table.rows) <= 60 else Fold(table.title, (table,)))
    blocks.append(Fold("How this was measured", (Bullets(tuple(_provenance(of))), CodeBlock(str(of.about["command"])))))
    return blocks


def _shares(material: Material, of: Inspected) -> Figure:
    files = material.draw(of.key("shares"), mixture_figures.shares(of.summary, of.drawn))
    return Figure(
        of.key("shares"),
        files,
        f"Stacked bars: how the training pixels of each class are shared out among the components of {of.model.label}."
        " The numbers stand in the tables.",
        f"Shares of each class's training pixels, the largest component first; numbers name components.{_left_out(of)}",
    )


def _plane(material: Material, of: Inspected) -> Figure:
    summary = of.summary
    files = material.draw(of.key("plane"), mixture_figures.plane(summary, of.drawn))
    between, accuracy = 100 * float(summary["plane_between"].sum()), 100 * float(summary["plane_accuracy"])
    how = {
        "pairs": "the two directions that tell pairs of classes apart best, against the spread within classes and each"
        " pair counting alike (a weighted pairwise Fisher criterion)",
        "Fisher": "the two directions in which class means vary most against the spread within classes (Fisher's)",
        "PCA": "the two directions in which class means vary most (principal components)",
    }[str(summary["plane_kind"])]
    return Figure(
        of.key("plane"),
        files,
        f"Scatter plot of sampled training features of {of.model.label} in a plane, with the means of components and"
        " an ellipse around each.",
        f"Features of sampled training pixels (points), means of components (outlined marks) and their ellipses of one"
        f" standard deviation, on {how}. They hold {between:.0f} % of the variance between class means;"
        f" {accuracy:.0f} % of the features lie nearest to their own class here, classes counted alike. Classes that"
        f" overlap here may be apart in the other directions.{_left_out(of)}",
    )


def _patches(material: Material, of: Inspected) -> Block:
    dataset = str(of.about.get("closed_set"))
    if not _may_show(material, of):
        return Paragraph(f"The training pixels nearest to each component are left out: the terms of {dataset} do not"
                         " allow its frames to be shown in public, or are not recorded to.")  # fmt: skip
    pieces = load_patches(of.run.folder.path)
    files = material.draw(of.key("patches"), mixture_figures.patches(of.summary, pieces, of.drawn), vector=False)
    return Figure(
        of.key("patches"),
        files,
        f"A row a class, a column a component: pieces of {dataset}'s training images around the pixels nearest to each"
        f" component of {of.model.label}.",
        "The training pixels that each component finds likeliest, of its own class, at most one an image; the ring"
        f" marks the pixel, stripes lie beyond the image."
        f" Above them the component's number and share, the largest first.{_left_out(of)}",
    )


def _may_show(material: Material, of: Inspected) -> bool:
    """By what the report's rows say of the training set, if anything, and by what is stored beside the patches."""
    dataset, facts = of.about.get("closed_set"), of.about.get("dataset") or {}
    if dataset in (*material.closed_sets, *material.ood_sets) and not material.may_show(str(dataset)):
        return False
    return not material.public or facts.get("frames_may_be_shown") is True


def _left_out(of: Inspected) -> str:
    count = len(of.names)
    return f" The {DRAWN} classes of most pixels, of {count}." if count > MOST_DRAWN else ""


def _provenance(of: Inspected) -> list[Words]:
    about = of.about
    seen = images_seen(about.get("images"), about.get("images_total"))
    words: list[Words] = [(*inlines(seen), f" They are the {about.get('split')} split of {about.get('closed_set')}.")]
    if "test_images" in about:
        held = images_seen(about.get("test_images"), about.get("test_images_total"))
        words.append((*inlines(held), f" They are the {about.get('test_split')} split, held against it."))
    if len(of.model.runs) > 1:
        words.append(f"Of {len(of.model.runs)} seeds, this is the mixture of one: {of.run.label}.")
    if about.get("posthoc"):
        words.append("The mixture was fitted afterwards, to the features of a finished model.")
    words += [
        f"Covariance: {about.get('covariance')}. Density of a class: {about.get('class_density')}.",
        *(f"{key[:1].upper()}{key[1:]}: {text}." for key, text in (about.get("protocol") or {}).items()),
        f"Quantiles and the plane are of at most {(about.get('sample') or {}).get('pixels of a class')} pixels of a"
        f" class, drawn with seed {(about.get('sample') or {}).get('seed')}; means and shares of all.",
        ("Config ", Code(str(about.get("config"))), ", checkpoint ", Code(str(about.get("checkpoint"))),
         f", SHA-256 {str(about.get('checkpoint_sha256'))[:16]}; training seed {about.get('seed')};"
         f" code {about.get('code')}."),
    ]  # fmt: skip
    return words
