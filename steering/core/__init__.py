"""Immutable records and tiny protocols that every room shares. Imports numpy and xarray at most."""
