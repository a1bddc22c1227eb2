"""The record: a journal of every document and ruling, and Tiled on top of it."""
