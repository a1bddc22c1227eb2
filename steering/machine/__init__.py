"""Processes, locks, ports and private files of this machine."""
