"""An instrument of EPICS devices as classic ophyd and apstools make them; runs where both are installed."""

import os

from apstools.devices import ad_creator
from bluesky import RunEngine
from bluesky import plan_stubs as bps
from bluesky import plans as bp
from ophyd import EpicsMotor

os.makedirs(os.environ["HALLS_FOLDER"], exist_ok=True)  # noqa: PTH103  (as startup files are)
_FOLDER = os.path.join(os.environ["HALLS_FOLDER"], "")  # noqa: PTH118  (areaDetector wants the last slash)

RE = RunEngine({"instrument_name": "Hall of EPICS"})
theta = EpicsMotor("STEER:th", name="theta", labels={"motors"})
theta.wait_for_connection(timeout=30)
adsim = ad_creator(
    "STEER:det:",
    name="adsim",
    class_name="Simulated",
    plugins=["cam", {"hdf1": {"write_path_template": _FOLDER, "read_path_template": _FOLDER}}],
)
adsim.wait_for_connection(timeout=30)
adsim.hdf1.kind = "normal"


def rock(span: float = 0.2, num: int = 5, exposure: float = 0.05):
    """Rock theta about where the crystal diffracts."""
    yield from bps.mv(adsim.cam.acquire_time, exposure, adsim.cam.image_mode, "Single", theta, 0.22)
    yield from bp.rel_scan([adsim], theta, -span / 2, span / 2, num=num)
