"""Analyses, one technique a file: four pure functions on an explicit state."""
