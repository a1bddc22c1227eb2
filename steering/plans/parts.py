"""A burst in parts: one acquisition of the detectors, an event a part, and an end in its middle if somebody asks.

Parts become events while the detector counts, so what is seen in the first ones may end the burst. What it took is
kept: the last part is filled, as an event has a fixed number of frames, and says where the frames begin that fill it.
"""

import asyncio
from collections.abc import Sequence

from bluesky import plan_stubs as bps
from bluesky.utils import IllegalMessageSequence, RunEngineControlException

from steering.core import burst as columns
from steering.core.block import Floats
from steering.paths.heard import Listener, LostTimesError, Track, frame_times
from steering.paths.parts import Parted
from steering.plans.asking import asked
from steering.plans.course import Course, Plan
from steering.plans.docket import Docket
from steering.plans.faults import PointError, words

# Whether a burst is to end is looked at so often, and what was heard, in seconds; and so long is waited for that.
_LOOK_SECONDS = 0.05
_HEARD_SECONDS = 5.0


def in_parts(course: Course, exposure: float) -> Plan:
    """Take a burst part by part.

    Raises:
        PointError: If a detector fails: a burst that is incomplete ends the run.
    """
    devices, scan, docket = course.devices, course.docket.scan, course.docket
    if devices.listen is None or devices.parted is None:
        message = f"The detector of {scan.name} cannot take a burst in parts. Take 'parts' out of the beamline's file."
        raise PointError(message)
    first, part, parts = course.done + course.more_events, 0, scan.parts_of(course.values)
    listener, parted = devices.listen(()), devices.parted(first)
    try:
        yield from asked(listener.begin)
        yield from asked(parted.begin)
        docket.burst = course.done + 1
        while part < parts:
            if not (yield from asked(lambda wanted=part + 1: _whole_or_ended(docket, parted, wanted))):
                break
            yield from _event(course, parted, listener, part, scan.frames, exposure)
            part += 1
        docket.burst = 0
        if part == parts:
            yield from asked(parted.idle)
        else:
            # What is prepared then is the rest of a part.
            course.prepared = None
            ended = yield from asked(parted.end)
            while part < ended.parts:
                kept = ended.kept if part + 1 == ended.parts else scan.frames
                yield from _event(course, parted, listener, part, kept, exposure)
                part += 1
        course.more_events += part - 1
    except (RunEngineControlException, IllegalMessageSequence, PointError):
        raise
    except Exception as error:
        raise PointError(words(error, devices.prefixes)) from error
    finally:
        docket.burst = 0
        parted.release()
        listener.end()


async def _whole_or_ended(docket: Docket, parted: Parted, parts: int) -> bool:
    """Wait until so many parts are whole, or the burst is to end; return whether it goes on."""
    waiting = asyncio.ensure_future(parted.whole(parts))
    try:
        # A burst without one whole part says nothing: the first is waited for.
        while parts == 1 or not docket.ends_burst:
            done, _ = await asyncio.wait({waiting}, timeout=_LOOK_SECONDS)
            if done:
                await waiting
                return True
    finally:
        waiting.cancel()
    return False


def _event(course: Course, parted: Parted, listener: Listener, part: int, kept: int, exposure: float) -> Plan:
    """Write the event of a part, of which so many frames were taken before the end of the burst."""
    frames = course.docket.scan.frames
    begin, stop = part * frames, (part + 1) * frames
    counter = yield from asked(lambda: _heard(listener, stop))
    far, place = max(int(counter.values.max() - counter.values[0]), stop), begin + kept
    # Of these frames only: a part late in a long burst costs no more than the first one.
    zero, start, last, end = times_of(counter, far, exposure, (0, begin, place - 1, stop - 1)).tolist()
    # Of the burst so far: a part that was ended may have one frame.
    period, missing = (last - zero) / (place - 1) if place > 1 else 0.0, 0
    if kept < frames:
        # Counted from the end, as a counter may be heard in leaps.
        missing = max(round((end - last) / period) - (frames - kept), 1)
    where = {columns.PART: part, columns.KEPT: kept, columns.GAP: missing}
    if course.burst is not None:
        course.burst.put({columns.START: start, columns.PERIOD: period} | where)
    parted.tell(part + 1)
    yield from read_event(course)


async def _heard(listener: Listener, frames: int) -> Track:
    """Wait until the detector's counter was heard to have come that far: it comes later than what is written."""
    deadline = asyncio.get_running_loop().time() + _HEARD_SECONDS
    while True:
        counter = listener.heard().counter
        # One that does not come as far in time is named with what it came to.
        if counter.values.max() - counter.values[0] >= frames or asyncio.get_running_loop().time() > deadline:
            return counter
        await asyncio.sleep(_LOOK_SECONDS)


def times_of(counter: Track, frames: int, exposure: float, numbers: Sequence[int] | None = None) -> Floats:
    """Say when the frames of a burst were taken, all or those of some numbers; a PointError if that is not known."""
    try:
        return frame_times(counter, frames, exposure, numbers)
    except LostTimesError as error:
        raise PointError(str(error)) from error


def read_event(course: Course) -> Plan:
    """Write one event of what was taken."""
    yield from bps.create("primary")
    for device in course.read:
        yield from bps.read(device)
    yield from bps.save()
