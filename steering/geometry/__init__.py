"""Where a detector stands in the beam: what scattering angle and which wave vector each of its pixels sees."""
