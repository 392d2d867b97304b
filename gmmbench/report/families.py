"""What scores read, in words."""

from __future__ import annotations

FAMILIES = {
    "density": "density (GMM)",
    "posterior": "posterior (GMM, logits made of its densities)",
    "logits": "logits (discriminative)",
    "features": "features (post hoc, of any model)",
    "outside": "made outside gmmbench",
}
"""Families of ``gmmbench.results.Row``, in the order in which a report names them."""
