"""Runs flows between folders: their journal, the steps, the runner, and the process that waits for ends of runs."""
