"""Times as batch systems write them."""

import math
import re
import time
from contextlib import suppress
from datetime import datetime

_WALLTIME = re.compile(r"(?:(\d+)-)?(\d+):(\d+)(?::(\d+))?$")


def seconds(text: str) -> float:
    """Read a walltime such as ``01:00:00``, ``3-00:00:00`` or a plain number of seconds.

    Returns:
        Seconds; infinite for no limit, NaN for what cannot be read.
    """
    if text.strip().upper() in ("UNLIMITED", "INFINITE", "NONE"):
        return math.inf
    if text.strip().isdigit():
        return float(text)
    found = _WALLTIME.match(text.strip())
    if found is None:
        return math.nan
    days, first, second, third = (int(part) if part else 0 for part in found.groups())
    if found.group(4) is None:
        # Minutes and seconds; with days in front, hours and minutes.
        return days * 86400.0 + (first * 3600.0 + second * 60.0 if found.group(1) else first * 60.0 + second)
    return days * 86400.0 + first * 3600.0 + second * 60.0 + third


def walltime(value: float) -> str:
    """Write seconds as ``HH:MM:SS``, which PBS and Slurm read alike."""
    whole = math.ceil(value)
    return f"{whole // 3600:02d}:{whole % 3600 // 60:02d}:{whole % 60:02d}"


def duration(value: float) -> str:
    """Write seconds for a person: ``45 s``, ``30 min``, ``1 h``, ``2 h 30 min``."""
    if not math.isfinite(value):
        return "an unlimited time"
    whole = round(value)
    if whole < 120:
        return f"{whole} s"
    hours, minutes = divmod(round(whole / 60), 60)
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{minutes} min" if minutes else "") if part)


def moment(text: str) -> float:
    """Read a time as PBS writes it, ``Sun Nov 22 22:22:59 2026``, or Slurm, ``2026-11-22T22:22:59``.

    Both are in this machine's time zone.

    Returns:
        Unix time in seconds; NaN for what cannot be read.
    """
    for form in ("%a %b %d %H:%M:%S %Y", "%Y-%m-%dT%H:%M:%S"):
        with suppress(ValueError):
            # The batch system writes local time without its zone.
            return time.mktime(datetime.strptime(text, form).timetuple())  # noqa: DTZ007  (see above)
    return math.nan
