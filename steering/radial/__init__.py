"""Azimuthal integration: the intensity along rings around the beam."""
