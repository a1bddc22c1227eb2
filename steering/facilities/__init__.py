"""Places to compute, one a file."""
