"""Makes a RunEngine, devices, a SPEC-like file, and plans."""

import functools
import os
from enum import Enum
from pathlib import Path
from typing import Literal

from bluesky import RunEngine, SupplementalData
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from bluesky.utils import Msg
from ophyd import Signal
from ophyd.sim import SynAxis, SynGauss


class Order(Enum):
    """A way to go."""

    UP = "to higher angles"
    DOWN = "to lower angles"


RE = RunEngine({"instrument_name": "Hall of tests", "proposal_id": "p-17"})
ring_current = Signal(name="ring_current", value=102.0)
stage = SynAxis(name="stage", labels={"motors"}, delay=0.05)
label = Signal(name="label", value="Si 111")
diode = SynGauss("diode", stage, "stage", center=0.3, Imax=1000.0, sigma=0.4)
RE.preprocessors.append(SupplementalData(baseline=[ring_current]))

_LINES = Path(os.environ.get("HALLS_FILE", os.devnull))


def _write(name, document):
    if name == "start":
        _LINES.open("a").write(f"#S {document['scan_id']} {document['plan_name']}\n")
    if name == "stop":
        _LINES.open("a").write(f"#C {document['exit_status']}\n")


RE.subscribe(_write)


class _Registry:
    device_names = ("stage", "diode", "ring_current")

    def __getitem__(self, name):
        known = {"stage": stage, "diode": diode, "ring_current": ring_current}
        if name not in known:
            # As the registry of BITS does.
            raise IndexError(name)
        return known[name]


oregistry = _Registry()


def with_registry(function):
    """Give a plan the registry, as apsbits does."""

    @functools.wraps(function)
    def wrapper(*args, oregistry=None, **kwargs):
        return function(oregistry or globals()["oregistry"], *args, **kwargs)

    return wrapper


@with_registry
def rock(oregistry, span: float = 2.0, num: int = 11, note: str = "as ever", md=None):
    """Rock the stage about where it is.

    It returns to where it began.
    """
    del note
    yield from bps.mv(oregistry["stage"], 0.1)
    yield from bp.rel_scan([oregistry["diode"]], oregistry["stage"], -span / 2, span / 2, num=num, md=md or {})


def choose(shape: Literal["line", "spiral"] = "line", snake: bool = True, order: "Order" = Order.DOWN):
    """Tell what was chosen."""
    yield Msg("null", shape=shape, snake=snake, order=order)


def tell():
    """Measure nothing."""
    yield from bps.null()


def loose(span=1, **more):
    """Tell what it was given."""
    yield Msg("null", span=span, **more)


def needs(detectors, num: int = 3):
    """Count what is given."""
    yield from bp.count(detectors, num=num)


def fails(num: int = 3):
    """Fail after some points."""
    for _ in range(num):
        yield from bps.null()
    message = "the hutch is open"
    raise RuntimeError(message)
