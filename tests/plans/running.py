"""A scan under a real RunEngine, with soft motors and no detector, and what it recorded."""

import threading
import uuid

from steering.core.parameter import Parameter
from steering.core.proposal import Proposal
from steering.core.status import Axis
from steering.plans.devices import Devices
from steering.plans.docket import Docket
from steering.plans.steerable import steerable
from steering.scans.rocking import RockingScan

AXES = {name: Axis(name, "deg", -5, 5) for name in ("th", "sx", "sy")}


class Run:
    """A scan under test: what was recorded, and what to do at each point."""

    def __init__(self, engine, motors, scan, at=None, begin=True, **devices):
        self.documents = []
        self.rulings = []
        self.at = at or {}
        self.points = 0
        self.streams = {}
        self.opened = threading.Event()
        values = {item.name: item.value for item in scan.parameters}
        axes = {axis: AXES[axis] for axis in scan.axes}
        self.docket = Docket(scan, values, axes, 1000, self.rulings.append)
        self.engine = engine
        Run.current = self
        if not getattr(engine, "tapped", False):
            engine.subscribe(lambda name, document: Run.current.take(name, document))
            engine.tapped = True
        self.devices = Devices({axis: motors[axis] for axis in scan.axes}, dict.fromkeys(AXES, "deg"), **devices)
        if begin:
            self.begin(self.plan())

    def plan(self):
        return steerable(self.docket, self.devices, {})

    def begin(self, plan):
        self.future = self.engine.run(plan)

    def take(self, name, document):
        self.documents.append((name, document))
        if name == "start":
            self.opened.set()
        if name == "descriptor":
            self.streams[document["uid"]] = document["name"]
        if name == "event" and self.streams[document["descriptor"]] == "primary":
            self.points += 1
            for action in self.at.get(self.points, ()):
                self.propose(action)

    def propose(self, action, person="ana", lease="ana"):
        return self.docket.propose(Proposal(uuid.uuid4().hex, person, action), person, lease)

    def events(self, stream):
        return [d["data"] for n, d in self.documents if n == "event" and self.streams[d["descriptor"]] == stream]

    def finish(self):
        self.future.result(30)
        return self

    @property
    def stop(self):
        return self.documents[-1][1]


def rocking(step=0.1):
    values = {"centre": ("deg", 0.0, -5, 5, 2), "range": ("deg", 1.0, 0.1, 20, 20), "step": ("deg", step, 0.001, 1, 1)}
    made = tuple(Parameter(name, *entry) for name, entry in values.items())
    return RockingScan(
        name="rocking",
        title="t",
        axis="th",
        parameters=(*made, Parameter("exposure", "s", 0.1, 0.01, 5)),
        first_stride=4,
    )


def wait_for(condition, timeout=20.0):
    """Poll a condition that other threads make true."""
    changed = threading.Event()
    for _ in range(int(timeout / 0.01)):
        if condition():
            return True
        changed.wait(0.01)
    return False
