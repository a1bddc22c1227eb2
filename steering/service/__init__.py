"""A beamline's running service: the engine's owner, its journal's feed, leases, files."""
