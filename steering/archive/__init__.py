"""The record: Tiled, filled from the journal, with what was found beside the runs."""
