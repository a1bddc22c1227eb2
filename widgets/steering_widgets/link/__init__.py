"""The page's own link to the beamline service, past a busy kernel: what is pressed there, and what it tells of."""
