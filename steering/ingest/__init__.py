"""Takes frames that come without a file into a ring of raw segments, in a process of its own."""
