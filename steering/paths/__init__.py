"""Scans as values: paths, what is left of them, and how they are said."""
