"""``python -m gmmbench``."""

from gmmbench.cli import console_main

console_main()
