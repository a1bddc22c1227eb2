"""Which version of the package this is; part of each result's provenance."""

from importlib.metadata import version

VERSION = version("steering")
