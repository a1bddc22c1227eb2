"""Views by the shape of the data: images, curves, maps, trends, arrays."""
