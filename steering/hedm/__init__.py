"""Far-field HEDM: bright pixels, blobs, spots over the rotation, their angles and widths, and what grains predict."""
