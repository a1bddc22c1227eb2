"""Benches of our own sources: each brings a known run by its source's own transport."""
