"""A detector that is done before its trigger has returned does not end the scan."""

from bluesky.plan_stubs import trigger

from steering.devices.triggered import never_without_status
from steering.plans.engine import Engine


class Hasty:
    """As ophyd's areaDetectors are: the status is forgotten when the acquisition ends."""

    name, parent = "hasty", None

    def __init__(self):
        self.triggered = 0

    def _acquire_changed(self):
        """The callback that forgets it."""

    def trigger(self):
        self.triggered += 1

    def read(self):
        return {}

    def describe(self):
        return {}


def test_what_is_over_is_waited_for_no_more():
    device, engine = Hasty(), Engine({})
    for _ in range(2):
        never_without_status(device)

    def plan():
        yield from trigger(device, wait=True)

    engine.run(plan()).result(60)
    engine.close()
    assert device.triggered == 1


def test_other_devices_are_left_alone():
    class Other:
        def trigger(self):
            return None

    other = Other()
    never_without_status(other)
    assert other.trigger() is None
