"""Kinds of scans, behind the door ``steering.scans``: where points lie, and how a beamline's file describes it.

A kind is one class, a :class:`steering.scans.entry.ScanEntry`, that says what its part of a beamline's file may hold
and makes of it a :class:`steering.paths.scan.Scan`. The room ``plans`` measures any scan, and knows no kind.
"""
