"""What a person writes in a cell, as an analysis: a function of a frame, or ``update``, ``merge`` and ``result``."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any, cast

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from steering.analyses.packed import Packed, pack
from steering.analyses.per_frame import PerFrame
from steering.contract.alarm import Alarm, alarms_of
from steering.core.analysis import Analysis, Exactness
from steering.core.block import FrameBlock
from steering.core.errors import SteeringError
from steering.core.json import Json
from steering.core.result import Feature, Outcome

_PARTS = ("update", "merge", "result")
_PLAIN = "1"


def own_analysis(
    wanted: Any, name: str = "", units: str | Mapping[str, str] = "", alarms: Sequence[Alarm] = (), **others: Any
) -> Analysis[Any]:
    """Make an analysis of what a person wrote.

    Args:
        wanted: An analysis; a function of one frame, as :class:`~steering.analyses.per_frame.PerFrame` takes it; or an
            object or a class with ``update``, ``merge`` and ``result``, see :class:`Own`.
        name: Of the analysis; its own if left out.
        units: Of what it gives: of a function's number, or of each by its name; plain numbers if left out.
        alarms: When a feature of it merits a closer look; those that it declares itself if left out.
        **others: Nothing else is taken.

    Raises:
        SteeringError: If it is none of them.
    """
    if others:
        message = (
            "Only an installed analysis, given by its name, takes parameters; these were given: "
            f"{', '.join(others)}. What you wrote takes name, units and alarms."
        )
        raise SteeringError(message)
    if isinstance(wanted, type) and all(hasattr(wanted, part) for part in _PARTS):
        wanted = _made(wanted)
    made = _wrapped(wanted, name, units)
    return _with_alarms(made, alarms) if alarms else made


def _with_alarms(made: Any, alarms: object) -> Any:
    """Have an analysis declare alarms. They are watched where results come together: no worker need know of them."""
    several = tuple(cast("Iterable[object]", alarms)) if isinstance(alarms, Iterable) else (None,)
    if not all(isinstance(one, Alarm) for one in several):
        message = f"alarms is {alarms!r:.80}. Allowed: a list such as [Alarm('centre', low=0.1)]."
        raise SteeringError(message)
    # What a person has made stays as it is: they may add it again, without alarms.
    watched = copy(made)
    try:
        watched.alarms = several
    except AttributeError as error:
        message = f"{made.name} takes no alarms from outside. Write them into its class: alarms = [Alarm(...)]."
        raise SteeringError(message) from error
    return watched


def _wrapped(wanted: Any, name: str, units: str | Mapping[str, str]) -> Any:
    if isinstance(wanted, Analysis):
        if name or units:
            message = "An analysis that is made already has its name and units. Leave out name and units."
            raise SteeringError(message)
        return cast("Any", wanted)
    if all(callable(getattr(wanted, part, None)) for part in _PARTS):
        return Own(wanted, name, units)
    if callable(wanted) and not isinstance(wanted, type):
        try:
            return PerFrame(cast("Callable[[NDArray[Any]], Any]", wanted), name=name, units=units or _PLAIN)
        except ValueError as error:
            raise SteeringError(f"{error}.") from error
    message = (
        f"{wanted!r:.60} is no analysis. Give the name of an installed one, a function of one frame, or an object with "
        "update(state, block, frames), merge(left, right) and result(state)."
    )
    raise SteeringError(message)


class Own:
    """Three functions of a person's, on a state that may be anything; ``None`` is the state of no frames.

    * ``update(state, block, frames)`` gives the state with more frames; ``frames`` has shape
      ``(frames, rows, columns)``, ``block.columns`` the motors' positions by name. It must not change the state that
      it is given.
    * ``merge(left, right)`` unites two states of different frames, in any order.
    * ``result(state)`` gives a dictionary: a number, ``(value, uncertainty)``, or an array, by name; or an ``Outcome``.

    ``name``, ``exactness`` (``"rounding"`` if left out) and ``alarms`` (:class:`~steering.contract.alarm.Alarm`) may
    stand beside them.

    Attributes:
        name: Of the analysis.
        exactness: Class of exactness that it declares.
        alarms: When its features merit a closer look.
    """

    def __init__(
        self, parts: Any, name: str = "", units: str | Mapping[str, str] = "", exactness: Exactness | None = None
    ) -> None:
        """Wrap them.

        Args:
            parts: What has the three functions; or the same, packed.
            name: Of the analysis; that of its class if left out.
            units: Of each value of the result by its name, or of all; plain numbers if left out.
            exactness: Class of exactness; that of the parts if left out.

        Raises:
            SteeringError: If it cannot be sent to workers.
        """
        packed = isinstance(parts, Packed)
        own = "" if packed else getattr(parts, "name", "")
        self.name = name or (own if isinstance(own, str) else "") or type(parts).__name__
        self.exactness: Exactness = exactness or ("rounding" if packed else getattr(parts, "exactness", "rounding"))
        self.alarms: tuple[Alarm, ...] = () if packed else alarms_of(parts)
        self._units = units
        self._packed: Packed = parts if packed else pack(parts, self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Send it as it was packed once."""
        units = self._units if isinstance(self._units, str) else tuple(self._units.items())
        return _received, (self._packed, self.name, units, self.exactness)

    @property
    def parameters(self) -> Mapping[str, Json]:
        """The functions, by a hash of what they do, and the units."""
        units: Json = self._units if isinstance(self._units, str) else dict(self._units)
        return {"functions": self._packed.fingerprint, "units": units}

    def empty(self) -> Any:
        """State of no frames."""
        return None

    def update(self, state: Any, block: FrameBlock, frames: NDArray[Any]) -> Any:
        """Add a block's frames."""
        try:
            return self._packed.value.update(state, block, frames)
        except Exception as error:
            message = (
                f"{self.name} fails for frames {block.start} to {block.stop - 1}, of shape {frames.shape[1:]} and type "
                f"{frames.dtype} ({type(error).__name__}: {error}). Correct its update."
            )
            raise ValueError(message) from error

    def merge(self, left: Any, right: Any) -> Any:
        """Unite the states of different frames."""
        if left is None or right is None:
            return right if left is None else left
        return self._packed.value.merge(left, right)

    def result(self, state: Any) -> Outcome:
        """Give features of numbers, and data of arrays."""
        given: Any = {} if state is None else self._packed.value.result(state)
        return given if isinstance(given, Outcome) else self._outcome(given)

    def _outcome(self, given: Any) -> Outcome:
        if not isinstance(given, Mapping):
            message = (
                f"{self.name} gives {given!r:.60} as its result. Allowed: a dictionary of numbers, of pairs of a value "
                "and its uncertainty, and of arrays, by name."
            )
            raise ValueError(message)  # noqa: TRY004  (of a person's value, not of ours)
        features: dict[str, Feature] = {}
        variables: dict[str, Any] = {}
        for name, value in cast("Mapping[str, Any]", given).items():
            units = self._unit(str(name))
            array = _array(value)
            if array.dtype.kind not in "biuf":
                message = (
                    f"{self.name}: {name} is {value!r:.60}. Allowed: a number, a pair, or an array of real numbers."
                )
                raise ValueError(message)
            if isinstance(value, tuple) and array.shape == (2,):
                _add(features, str(name), float(array[0]), float(array[1]), units)
            elif array.ndim == 0:
                _add(features, str(name), float(array), math.nan, units)
            else:
                dims = tuple(f"{name}_{'xyzt'[at] if at < len('xyzt') else at}" for at in range(array.ndim))
                variables[str(name)] = (dims[::-1], array, {"units": units})
        return Outcome(features, xr.Dataset(variables))

    def _unit(self, name: str) -> str:
        if isinstance(self._units, str):
            return self._units or _PLAIN
        return self._units.get(name, _PLAIN)


def _array(value: Any) -> NDArray[Any]:
    try:
        return np.asarray(value)
    except ValueError:
        # Rows of different lengths.
        return np.asarray(None)


def _add(features: dict[str, Feature], name: str, value: float, uncertainty: float, units: str) -> None:
    if math.isfinite(value):
        features[name] = Feature(value, uncertainty, units)


def _made(kind: type) -> Any:
    try:
        return kind()
    except TypeError as error:
        name = kind.__name__
        message = f"{name} cannot be made without arguments ({error}). Give an object that is made: {name}(...)."
        raise SteeringError(message) from error


def _received(packed: Packed, name: str, units: str | tuple[tuple[str, str], ...], exactness: Exactness) -> Own:
    return Own(packed, name, units if isinstance(units, str) else dict(units), exactness)
