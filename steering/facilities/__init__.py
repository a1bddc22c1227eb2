"""Facilities, the places to compute, with one file for each."""
