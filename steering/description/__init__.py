"""A beamline's YAML as values, and every mistake in it as a sentence with its line."""
