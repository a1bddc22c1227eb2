"""Where blocks come from, one source a file."""
