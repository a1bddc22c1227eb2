"""What is read once before the first point and once after the last, in the stream ``baseline``, as Bluesky has it."""

from bluesky import plan_stubs as bps
from bluesky.utils import IllegalMessageSequence, RunEngineControlException

from steering.plans.course import Course, Plan
from steering.plans.ending import leave_event
from steering.plans.faults import words

STREAM = "baseline"


def read_baseline(course: Course, when: str) -> Plan:
    """Read the baseline; a device that does not answer is said, and costs the scan nothing else.

    Args:
        course: Of the scan.
        when: Word for the sentence: ``"before"`` or ``"after"``.
    """
    devices = course.devices
    if not devices.baseline:
        return
    try:
        yield from bps.trigger_and_read(list(devices.baseline), name=STREAM)
    except (RunEngineControlException, IllegalMessageSequence):
        raise
    except Exception as error:  # noqa: BLE001  (a device may raise anything; the points are what the scan is for)
        yield from leave_event(course)
        course.docket.remark(f"The baseline {when} the scan is not in the run: {words(error, devices.prefixes)}")
