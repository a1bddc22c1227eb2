"""Photon correlation spectroscopy: bins of pixels, sums of products that neighbours can join, curves and fits."""
