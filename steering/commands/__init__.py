"""One command a file; :mod:`steering.cli` chooses."""
