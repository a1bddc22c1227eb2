"""A beamline's file without flows."""

BEAMLINE = """
name: here
motors: {th: {prefix: "X:th", units: deg}}
detector: {prefix: "X:det:"}
scans:
  - plan: rocking
    name: rocking
    title: Rocking
    axis: th
    parameters:
      centre: {units: deg, value: 0.2, low: -0.5, high: 1.0, largest_step: 0.5}
      range: {units: deg, value: 1.0, low: 0.01, high: 1.5, largest_step: 1.0}
      step: {units: deg, value: 0.005, low: 0.0005, high: 0.1, largest_step: 0.05}
      exposure: {units: s, value: 0.25, low: 0.01, high: 5.0, largest_step: 2.0}
"""
