"""The local catalogue: one entry a run and one a result, found by features with units, by words, by facets."""
