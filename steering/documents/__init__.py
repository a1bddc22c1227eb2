"""Bluesky documents become runs, rows and places of frames."""
