"""Views by the shape of the data: curves, maps, trends, arrays."""
