"""Time that goes on evenly when somebody sets the clock, for deadlines, leases and ages.

A clock that is set, by hand or after a machine woke up, must end no token, lease, job or process before its time, nor
keep one alive. Times that are shown, stored or compared with those of other machines are the clock's own.
"""

import time

# Goes on while the machine sleeps, where the system has such a clock.
_BOOT_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def _even() -> float:
    return time.monotonic() if _BOOT_CLOCK is None else time.clock_gettime(_BOOT_CLOCK)


_OFFSET = time.time() - _even()


def steady() -> float:
    """Return the Unix time in seconds that it would be if nobody had set the clock since this process began."""
    return _even() + _OFFSET


def to_steady(wall: float) -> float:
    """Return the steady time of a moment by the clock as it is set now; Unix times in seconds."""
    return wall - _set_by()


def to_wall(moment: float) -> float:
    """Return the moment of a steady time by the clock as it is set now; Unix times in seconds."""
    return moment + _set_by()


def _set_by() -> int:
    """Say by how many seconds the clock was set; whole ones, as a clock that is kept right is always a little off."""
    return round(time.time() - steady())
