"""A number or a choice of a scan that may be changed while the scan runs."""

import math
from dataclasses import dataclass

from steering.core.errors import SteeringError


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
        choices: Names of its values 0, 1, 2 and so on, for example ``("out", "thin", "thick")``; empty for a number.
        as_read: Whether a scan that is to be started sets nothing unless a value is chosen: ``value`` is what the
            parameter's signal reads now.
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
    choices: tuple[str, ...] = ()
    as_read: bool = False

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
        if self.choices and (self.low, self.high) != (0, len(self.choices) - 1):
            message = (
                f"{self.name}: {len(self.choices)} choices are numbered from 0 on, not {self.low:g} to {self.high:g}"
            )
            raise ValueError(message)

    @property
    def allowed(self) -> str:
        """What it may be: ``0.01 to 5 s``, or ``out, thin, thick``."""
        return ", ".join(self.choices) or f"{self.low:g} to {self.high:g} {self.units}".rstrip()

    def choice(self, value: float) -> str:
        """Name the choice that a value stands for; empty if it stands for none."""
        return self.choices[int(value)] if self.chooses(value) else ""

    def chooses(self, value: float) -> bool:
        """Whether a value stands for one of the choices."""
        return value in range(len(self.choices))

    def value_of(self, said: float | str) -> float:
        """Return the value that a person means, who may name a choice.

        Args:
            said: A number, or the name of a choice.

        Raises:
            SteeringError: If it is a text that names no choice.
        """
        if not isinstance(said, str):
            return said
        if said in self.choices:
            return float(self.choices.index(said))
        what = "none of its choices" if self.choices else "not a number"
        message = f"{self.name} = {said!r:.60} is {what}. Allowed: {self.allowed}."
        raise SteeringError(message)
