"""Agents, one steerer a file; a person is one."""
