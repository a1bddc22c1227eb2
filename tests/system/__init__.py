"""Acceptance on the whole embedded system; what shares it shares a package."""
