"""The runs of the record on the page: found, laid over the curve, shown again and exported."""
