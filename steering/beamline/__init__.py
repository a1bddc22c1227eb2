"""The beamline service: a process of its own that owns the RunEngine, the devices, the guard and the journal."""
