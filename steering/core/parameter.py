"""A number of a scan that may be changed while the scan runs."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """A steerable parameter: what it means and what is allowed.

    Attributes:
        name: Identifier, for example ``"exposure"``.
        units: Unit of the value, for example ``"s"``.
        value: Value that holds when the scan starts.
        low: Smallest value allowed, in ``units``.
        high: Largest value allowed, in ``units``.
        largest_step: Largest change in one proposal, in ``units``; infinite when any change is allowed.
        description: One sentence for the form.
        decimals: How many decimals a form shows.
        fixed: Whether it is chosen at the start and holds for the whole run.
    """

    name: str
    units: str
    value: float
    low: float
    high: float
    largest_step: float = math.inf
    description: str = ""
    decimals: int = 4
    fixed: bool = False

    def __post_init__(self) -> None:
        """Check that the limits are finite, in order and hold the value.

        Raises:
            ValueError: If they are not.
        """
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            message = f"{self.name}: the limits {self.low:g} to {self.high:g} {self.units} are not in order"
            raise ValueError(message)
        if not self.low <= self.value <= self.high:
            message = f"{self.name}: {self.value:g} {self.units} is outside {self.low:g} to {self.high:g}"
            raise ValueError(message)
        if not self.largest_step > 0:
            message = f"{self.name}: the largest step must be above 0 {self.units}, not {self.largest_step:g}"
            raise ValueError(message)
