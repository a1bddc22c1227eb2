"""The journal: what a scan was and what was decided about it, line by line, before anything else has it."""
