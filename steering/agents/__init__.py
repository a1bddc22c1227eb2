"""Agents, one steerer a file."""
