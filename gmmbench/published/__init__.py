"""Numbers that others published, as they printed them, each with its source: pure data and a loader."""

from gmmbench.published.rows import MARK, TABLES, Published, published

__all__ = ["MARK", "TABLES", "Published", "published"]
