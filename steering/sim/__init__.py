"""A simulated beamline: real EPICS over loopback that shows frames recorded at APS beamlines.

One process, ``python -m steering.sim``: motor records and an areaDetector over Channel Access, its image over PVAccess.
Nothing that runs imports this room; the beamline service starts it as a child.
"""
