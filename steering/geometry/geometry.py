"""A flat detector in space, in the convention of pyFAI's PONI files.

The point of normal incidence (PONI) is where the normal from the sample meets the detector. Seen from the sample, axis
1 goes up (along the rows), axis 2 to the left (along the columns) and axis 3 along the beam. The detector is turned
about axis 1 (left-handed), about axis 2 (left-handed) and about axis 3 (right-handed), in this order (Kieffer et al.,
J. Synchrotron Rad. 27, 558, 2020).
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats: TypeAlias = NDArray[np.float64]

_METRES_AN_ANGSTROM = 1e-10
_POSITIVE = ("distance", "pixel1", "pixel2", "wavelength")


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Where a detector stands.

    Pixel positions are in pixels: 0 is the middle of the first row or column.

    Attributes:
        distance: From the sample to the PONI, in metres.
        poni1: The PONI's distance from the outer edge of the first row, in metres.
        poni2: The same from the first column.
        rot1: Turn about axis 1 in radians.
        rot2: About axis 2.
        rot3: About axis 3, the beam.
        pixel1: Height of a pixel in metres.
        pixel2: Its width.
        wavelength: Of the beam, in metres.
    """

    distance: float
    poni1: float
    poni2: float
    pixel1: float
    pixel2: float
    wavelength: float
    rot1: float = 0.0
    rot2: float = 0.0
    rot3: float = 0.0

    def __post_init__(self) -> None:
        """Check that each number is one that a detector can have.

        Raises:
            ValueError: If not; with a sentence.
        """
        for one in fields(self):
            value, units = getattr(self, one.name), "rad" if one.name.startswith("rot") else "m"
            if not _is_number(value):
                message = f"the geometry's {one.name} is {value!r:.60}. Write a number in {units}."
                raise ValueError(message)
            if not math.isfinite(value) or (one.name in _POSITIVE and value <= 0):
                allowed = "above 0" if one.name in _POSITIVE else "a finite number"
                message = f"the geometry's {one.name} is {value:g} {units}. Allowed: {allowed}, in {units}."
                raise ValueError(message)
            object.__setattr__(self, one.name, float(value))

    def two_theta(self, rows: ArrayLike, columns: ArrayLike) -> Floats:
        """Say by which angle light is scattered that arrives at positions.

        Args:
            rows: In pixels, of any shape.
            columns: In pixels, of a shape that goes with it.

        Returns:
            In radians, of their common shape.
        """
        first, second, third = self.places(rows, columns)
        return np.arctan2(np.hypot(first, second), third)

    def q(self, rows: ArrayLike, columns: ArrayLike) -> Floats:
        """Give the length of the wave-vector transfer, 4 pi sin(two theta / 2) / wavelength, in 1/angstrom."""
        angstroms = self.wavelength / _METRES_AN_ANGSTROM
        return 4 * np.pi * np.sin(self.two_theta(rows, columns) / 2) / angstroms

    def azimuth(self, rows: ArrayLike, columns: ArrayLike) -> Floats:
        """Give the angle around the beam in radians, -pi to pi: 0 along the columns, pi/2 along the rows."""
        first, second, _ = self.places(rows, columns)
        return np.arctan2(first, second)

    def json(self) -> dict[str, float]:
        """Write it as plain numbers, as :meth:`of` reads them."""
        return asdict(self)

    @classmethod
    def of(cls, given: Mapping[str, Any] | str) -> "Geometry":
        """Read it from a mapping, or from a text in JSON.

        Args:
            given: With the names of the attributes; ``rot1`` to ``rot3`` may be missing and are 0 then.

        Raises:
            ValueError: If it is none; with a sentence.
        """
        if isinstance(given, str):
            try:
                # A number that is written in so many digits that it cannot be converted is a ValueError too.
                found: object = json.loads(given)
            except (ValueError, RecursionError) as error:
                message = f"the geometry {given!r:.60} is not JSON."
                raise ValueError(message) from error
        else:
            found = given
        numbers = cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else None
        if numbers is None:
            message = f"the geometry is {found!r:.60}. Write its keys with numbers: {_names()}."
            raise ValueError(message)
        known = [one.name for one in fields(cls)]
        for name in numbers:
            if name not in known:
                message = f"the geometry has no key {name!r:.60}. Allowed: {_names()}."
                raise ValueError(message)
        missing = [name for name in known if name not in numbers and not name.startswith("rot")]
        if missing:
            message = f"the geometry lacks {', '.join(missing)}. Write each as a number in m."
            raise ValueError(message)
        return cls(**numbers)

    def places(self, rows: ArrayLike, columns: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Where pixels are in space, in metres."""
        up = (np.asarray(rows, np.float64) + 0.5) * self.pixel1 - self.poni1
        left = (np.asarray(columns, np.float64) + 0.5) * self.pixel2 - self.poni2
        sin1, sin2, sin3 = (math.sin(angle) for angle in (self.rot1, self.rot2, self.rot3))
        cos1, cos2, cos3 = (math.cos(angle) for angle in (self.rot1, self.rot2, self.rot3))
        along = self.distance
        first = (
            up * cos2 * cos3 + left * (cos3 * sin1 * sin2 - cos1 * sin3) - along * (cos1 * cos3 * sin2 + sin1 * sin3)
        )
        second = (
            up * cos2 * sin3 + left * (cos1 * cos3 + sin1 * sin2 * sin3) - along * (cos1 * sin2 * sin3 - cos3 * sin1)
        )
        third = up * sin2 - left * cos2 * sin1 + along * cos1 * cos2
        return first, second, third


def _names() -> str:
    return ", ".join(one.name for one in fields(Geometry))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
