"""A beamline's devices, signals and suspenders, made and connected from its description."""
