"""Nickel in white light, seen depth by depth: an aperture before the detector passes what comes from one depth.

A wire does the same in two frames (see the reference of Laue). Its reconstruction is not simulated: a frame here is
what comes of it, with the parallax that light from that depth has.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from steering.sim.polycrystal import Floats, PolycrystalSample

_MM = 1e-3


@dataclass
class BuriedSample(PolycrystalSample):
    """Grains in the plane of ``sx`` and the depth ``dz`` along the beam, in micrometres; the inclusion lies buried.

    Attributes:
        slow: The aperture's depth, behind the origin.
        plane: Across the beam, and along it.
    """

    slow: ClassVar[str] = "dz"
    plane: ClassVar[Floats] = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    half: float = 10.0
    middle: tuple[float, float] = (30.0, 3.0)

    def __post_init__(self) -> None:
        """Place the grains from the surface on: they are long along the beam."""
        super().__post_init__()
        self._points = np.add(self._points, (self.half, 0.0)) * (2.0, 1.0)

    def depth_at(self, slow: float) -> float:
        """Say how far along the beam, in mm, the light of a place comes from."""
        return slow * _MM
