"""Where the figures in ``docs/reference/figures.md`` come from. Each prints a table and writes JSON."""
