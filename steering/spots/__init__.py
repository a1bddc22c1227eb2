"""Spots of crystals on a detector: bright pixels, blobs, fitted peaks, and which reflections a crystal has."""
