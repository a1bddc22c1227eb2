"""Reads pixels, times and columns where they lie: HDF5, images, segments, a service. Runs on workers."""
