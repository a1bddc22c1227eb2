"""A beamline's own instrument, as BITS packages have them: it knows nothing of us."""
