"""A steerable parameter in a beamline's file: a number with limits, or one of a few named choices."""

from typing import Any, cast

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from steering.core.parameter import Parameter
from steering.scans.strict import Strict


class ParameterEntry(Strict):
    """A steerable parameter: see :class:`steering.core.parameter.Parameter`.

    Attributes:
        value: The one that a scan starts with; what the signal reads then, if it is one and this is left out. Of a
            parameter with choices one of their names.
        choices: Names of its values 0, 1, 2 and so on. Such a parameter needs no limits and no unit.
    """

    units: str
    value: float | None = None
    low: float
    high: float
    largest_step: float = float("inf")
    description: str = ""
    decimals: int = 4
    choices: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_choices(cls, content: Any) -> Any:
        """Fill in what follows from the choices."""
        if not isinstance(content, dict):
            return content
        given = cast("dict[str, Any]", content)
        choices, value = given.get("choices"), given.get("value")
        if not (isinstance(choices, list | tuple) and choices):
            return given
        named = list(cast("list[Any]", choices))
        filled = {"units": "", "low": 0, "high": len(named) - 1, "decimals": 0, **given}
        if isinstance(value, str):
            if value not in named:
                known = ", ".join(str(one) for one in named)
                said = "the value {value} is none of its choices. Allowed: {known}."
                raise PydanticCustomError("choice", said, {"value": repr(value)[:60], "known": known})
            filled["value"] = named.index(value)
        return filled

    def parameter(self, name: str) -> Parameter:
        """Build the parameter; one without a value begins with its lowest until it is known."""
        value = self.low if self.value is None else self.value
        return Parameter(name=name, value=value, **self.model_dump(exclude={"value"}))
