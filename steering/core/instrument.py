"""What a beamline shows of itself all the time, beside the scan: ring current, shutter, motors, temperatures."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """One signal as it was last heard.

    Attributes:
        name: As the beamline's file calls it.
        text: Its value with its unit, or the name of a choice; ``"does not answer"`` where it does not.
        well: Whether it answers and is as a scan needs it.
        wanted: What a scan needs it to be, as words; empty if no scan waits for it.
    """

    name: str
    text: str
    well: bool = True
    wanted: str = ""


@dataclass(frozen=True)
class Instrument:
    """The readings in the order of the beamline's file; none where it lists none."""

    readings: tuple[Reading, ...] = ()
