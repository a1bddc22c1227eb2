"""Steerable Bluesky plans: a scan is a value, and at each checkpoint the plan takes what was accepted."""
