"""A beamline's own Bluesky instrument: its startup module, with a RunEngine, devices and plans; see decision 24."""

import importlib
import inspect
import math
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, cast, get_args, get_origin

from steering.core.errors import SteeringError, said
from steering.description.description_entries import BeamlineDescription
from steering.description.looks import choice
from steering.devices.triggered import never_without_status
from steering.plans.course import Plan
from steering.plans.engine import Engine
from steering.scans.own import OwnEntry
from steering.scans.parameter_entry import ParameterEntry

# Limits of an argument of which nothing is known: a form must show some.
_ANY = 1e9
STARTUP = "steering_instrument_startup"


@dataclass(frozen=True)
class Instrument:
    """An instrument that has started.

    Attributes:
        name: The startup module, or the folder of startup files.
        module: What it has made.
        engine: What runs plans in its RunEngine.
    """

    name: str
    module: ModuleType
    engine: Engine

    @classmethod
    def start(cls, name: str) -> "Instrument":
        """Import a startup module, or run the files of a startup folder in their order. Call on the main thread.

        Raises:
            SteeringError: If that fails, or makes no RunEngine.
        """
        # A service has no screen: what would open a window draws into memory.
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        # As with "python -m": a package beside the shell's folder is found.
        if "" not in sys.path:
            sys.path.insert(0, "")
        try:
            folder = Path(name).expanduser()
            module = _run(folder) if folder.is_dir() else importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = error.name or name
            ours = name == missing or name.startswith(f"{missing}.")
            message = (
                f"There is no module or folder {name!r:.80}. Install the instrument into the Python of steering "
                f"({sys.executable}), or start from the folder that it lies in."
                if ours
                else f"The instrument {name} needs {missing}, which is not installed in the Python of steering."
            )
            raise SteeringError(message) from error
        except Exception as error:  # whatever a startup raises, a person must learn that it was the startup
            message = f"The startup of the instrument {name} failed: {said(error)}. Try it alone, without steering."
            raise SteeringError(message) from error
        engine = Engine.found(vars(module))
        if engine is None:
            message = f"The startup of the instrument {name} makes no RunEngine. It should have one called RE."
            raise SteeringError(message)
        for value in list(vars(module).values()):
            never_without_status(value)
        return cls(name, module, engine)

    @property
    def plans(self) -> Mapping[str, Callable[..., Plan]]:
        """The plans that the instrument itself defines, by name."""
        own = self.name.partition(".")[0]
        return {
            name: plan
            for name, plan in vars(self.module).items()
            if not name.startswith("_")
            and inspect.isgeneratorfunction(inspect.unwrap(plan))
            and str(getattr(inspect.unwrap(plan), "__module__", "")).partition(".")[0] in (own, STARTUP)
        }

    def find(self, path: str) -> Any:
        """Find a device, or a part of one.

        Args:
            path: Name of a device, and perhaps of parts of it: ``"sim_det.Imax"``.

        Raises:
            SteeringError: If there is none.
        """
        name, *parts = path.split(".")
        found = self._device(name)
        for part in parts:
            # A component of classic ophyd is made when it is first asked for.
            found = getattr(found, part, None)
        if found is None:
            message = f"The instrument {self.name} has no device {path!r:.80}. {choice(name, self._devices())}"
            raise SteeringError(message)
        return found

    def describe(self) -> BeamlineDescription:
        """Describe the beamline by the instrument alone: each plan with those of its arguments that are numbers."""
        scans = tuple(
            OwnEntry(name=name, title=_title(name, plan), plan="own", call=name, parameters=dict(_steerable(plan)))
            for name, plan in self.plans.items()
            if not any(_needed(one) for one in _signature(plan).parameters.values())
        )
        if not scans:
            message = (
                f"The instrument {self.name} defines no plan that can run without further arguments. "
                "Describe what can be started in a beamline's file, with 'plan: own'."
            )
            raise SteeringError(message)
        known = self.engine.metadata
        title = str(known.get("instrument_name") or known.get("beamline_id") or self.name.partition(".")[0])
        return BeamlineDescription(name=title, instrument=self.name, scans=scans)

    def check(self, entry: OwnEntry, signals: Collection[str]) -> None:
        """Check that a scan of a file can be made.

        Args:
            entry: The scan.
            signals: Names of the beamline's signals.

        Raises:
            SteeringError: If its plan is not there, or does not take what it is given.
        """
        taken = self._call(entry).parameters
        given = (*entry.arguments, *(name for name in entry.parameters if name not in signals))
        strange = [name for name in given if name not in taken]
        if strange and not any(one.kind is one.VAR_KEYWORD for one in taken.values()):
            message = (
                f"The scan {entry.name} gives {strange[0]!r} to the plan {entry.call}, which has no such argument and "
                f"is no signal of this file. {choice(strange[0], taken)}"
            )
            raise SteeringError(message)
        lacking = [name for name, one in taken.items() if _needed(one) and name not in given]
        if lacking:
            message = (
                f"The plan {entry.call} of the scan {entry.name} needs {', '.join(lacking)}. "
                "Give it under 'arguments', or under 'parameters' if it is a number."
            )
            raise SteeringError(message)

    def plan(self, entry: OwnEntry, values: Mapping[str, float]) -> Plan:
        """Make the plan of a scan.

        Args:
            entry: The scan.
            values: Of those of its parameters that are arguments of the plan.

        Raises:
            SteeringError: If it cannot be made of these.
        """
        signature = self._call(entry)
        bound = signature.bind_partial()
        given = {name: self._meant(value) for name, value in entry.arguments.items()}
        for name, value in values.items():
            one = signature.parameters.get(name)
            if entry.parameters[name].choices:
                named = entry.parameters[name].choices[int(value)]
                given[name] = (_choices(one) if one is not None else {}).get(named, named)
                continue
            whole = entry.parameters[name].decimals == 0 or (one is not None and _whole(one))
            if whole and value != round(value):
                message = f"{name} = {value:g} is no whole number, which the plan {entry.call} takes."
                raise SteeringError(message)
            given[name] = round(value) if whole else value
        others = {name: value for name, value in given.items() if name not in signature.parameters}
        bound.arguments.update({name: value for name, value in given.items() if name not in others})
        if others:
            rest = next(name for name, one in signature.parameters.items() if one.kind is one.VAR_KEYWORD)
            bound.arguments[rest] = others
        try:
            return self._named(entry)(*bound.args, **bound.kwargs)
        except Exception as error:  # a decorator of the beamline's own may raise anything
            message = f"The plan {entry.call} cannot be made: {said(error)}."
            raise SteeringError(message) from error

    def _named(self, entry: OwnEntry) -> Callable[..., Plan]:
        found: Any = self.module
        for part in entry.call.split("."):
            found = getattr(found, part, None)
        if not callable(found):
            message = f"The instrument {self.name} has no plan {entry.call!r:.80}. {choice(entry.call, self.plans)}"
            raise SteeringError(message)
        return cast("Callable[..., Plan]", found)

    def _call(self, entry: OwnEntry) -> inspect.Signature:
        return _signature(self._named(entry))

    def _meant(self, value: Any) -> Any:
        """Put devices in the place of their names."""
        if isinstance(value, list):
            # A plan's "*args" is a tuple, and any other list may be one.
            return tuple(self._meant(one) for one in cast("list[Any]", value))
        if isinstance(value, str):
            device = self._device(value.partition(".")[0])
            return value if device is None else self.find(value)
        return value

    def _device(self, name: str) -> Any:
        found = vars(self.module).get(name)
        if _is_device(found):
            return found
        registry = vars(self.module).get("oregistry")
        try:
            return None if registry is None else registry[name]
        except LookupError:
            return None

    def _devices(self) -> list[str]:
        own = [name for name, value in vars(self.module).items() if _is_device(value)]
        registry = vars(self.module).get("oregistry")
        listed = getattr(registry, "device_names", ()) if registry is not None else ()
        return sorted({*own, *(str(name) for name in listed)})


def _run(folder: Path) -> ModuleType:
    """Run the files of a startup folder in the order of their names, in one namespace, as IPython does."""
    files = sorted(folder.glob("[0-9]*.py")) or sorted(folder.glob("*.py"))
    if not files:
        message = f"The startup folder {folder} has no Python file."
        raise SteeringError(message)
    module = ModuleType(STARTUP)
    sys.modules[STARTUP] = module
    for file in files:
        module.__file__ = str(file)
        code = compile(file.read_text(encoding="utf-8"), str(file), "exec")
        exec(code, vars(module))  # noqa: S102  (it is the beamline's own)
    return module


def _is_device(value: Any) -> bool:
    return not isinstance(value, type) and all(hasattr(value, verb) for verb in ("name", "read", "describe"))


def _signature(plan: Callable[..., Plan]) -> inspect.Signature:
    """Say what a plan takes: without what a decorator gives it, such as a registry of devices."""
    unwrapped = inspect.unwrap(plan)
    try:
        inner = inspect.signature(unwrapped, eval_str=True)
    except Exception:  # noqa: BLE001  (an annotation that is a text may name what is not there: it is kept as it is)
        inner = inspect.signature(unwrapped)
    outer = inspect.signature(plan, follow_wrapped=False).parameters
    wrapped = unwrapped is not plan
    given = [name for name, one in outer.items() if wrapped and one.default is not one.empty]
    left = [one for name, one in inner.parameters.items() if name not in given or one.default is not one.empty]
    return inner.replace(parameters=left)


def _needed(one: inspect.Parameter) -> bool:
    return one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)


def _whole(one: inspect.Parameter) -> bool:
    kinds = str(getattr(one.annotation, "__name__", one.annotation))
    if "float" in kinds:
        return False
    return re.search(r"\bint\b", kinds) is not None


def _choices(one: inspect.Parameter) -> dict[str, Any]:
    """List what an argument can be, by name, where its annotation or its default says so."""
    if isinstance(one.default, bool):
        return {"no": False, "yes": True}
    if get_origin(one.annotation) is Literal:
        return {str(value): value for value in get_args(one.annotation)}
    if isinstance(one.annotation, type) and issubclass(one.annotation, Enum):
        return {member.name: member for member in one.annotation}
    return {}


def _steerable(plan: Callable[..., Plan]) -> Iterator[tuple[str, ParameterEntry]]:
    for name, one in _signature(plan).parameters.items():
        value: Any = one.default
        choices = _choices(one)
        named = [name for name, meant in choices.items() if meant is value or meant == value]
        if named:
            names = tuple(choices)
            yield (
                one.name,
                ParameterEntry(units="", value=names.index(named[0]), low=0, high=len(names) - 1, choices=names),
            )
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            low, high = min(-_ANY, value), max(_ANY, value)
            # Without an annotation a whole number is most likely a number of something.
            whole = _whole(one) or (isinstance(value, int) and one.annotation is one.empty)
            if whole and value > 0:
                low = 1
            decimals = 0 if whole else 4
            yield name, ParameterEntry(units="", value=float(value), low=low, high=high, decimals=decimals)


def _title(name: str, plan: Callable[..., Plan]) -> str:
    first = next(iter((inspect.getdoc(plan) or "").splitlines()), "").replace("`", "").strip().rstrip(".")
    return f"{name}: {first}" if first else name
