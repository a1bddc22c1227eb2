"""Runs flows: orders them, does their steps, starts them at the ends of runs, and brings back what they find."""
