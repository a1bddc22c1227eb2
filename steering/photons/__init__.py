"""Frames of few photons, kept as the pixels that hold some, and the files that detectors write of them."""
