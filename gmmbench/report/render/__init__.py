"""Blocks become Markdown, LaTeX, CSV, JSON and HTML. These modules round, escape and lay out, no more."""
