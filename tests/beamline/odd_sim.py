"""The simulated beamline with a motor that behaves as some real ones do: ``python -m tests.beamline.odd_sim KIND``."""

import sys

from caproto import ChannelString

import steering.sim.motor as motors
from steering.sim.__main__ import main
from steering.sim.channels import EnumChannel, IntegerChannel
from steering.sim.detector import Detector

MOTOR = "STEER:th"
# What classic ophyd asks of an areaDetector beside what ophyd-async does.
TEXTS = {
    "cam1:PortName_RBV": "CAM", "HDF1:PortName_RBV": "HDF1", "HDF1:PluginType_RBV": "NDFileHDF5",
    "HDF1:NDArrayPort": "CAM", "HDF1:NDArrayPort_RBV": "CAM",
}  # fmt: skip
NUMBERS = {
    "HDF1:ArraySize0_RBV": 256, "HDF1:ArraySize1_RBV": 256, "HDF1:ArraySize2_RBV": 0, "HDF1:ArrayCounter": 0,
    "HDF1:CreateDirectory": 0, "HDF1:FileNumber": 0, "cam1:NumExposures": 1, "cam1:TriggerMode": 0,
    "cam1:DataType_RBV.DISA": 0, "cam1:ArraySizeZ_RBV": 0,
}  # fmt: skip
NO_YES, OFF_ON = ("No", "Yes"), ("Disable", "Enable")
TYPES = ("Int8", "UInt8", "Int16", "UInt16", "Int32", "UInt32", "Float32", "Float64")
WORDS = {
    "HDF1:BlockingCallbacks": NO_YES, "HDF1:EnableCallbacks": OFF_ON, "HDF1:AutoSave": NO_YES,
    "HDF1:AutoIncrement": NO_YES, "cam1:ArrayCallbacks": OFF_ON, "cam1:WaitForPlugins": NO_YES,
    "cam1:AcquireBusy": ("Done", "Acquiring"), "cam1:DataType": TYPES, "cam1:ColorMode": ("Mono", "Bayer", "RGB1"),
}  # fmt: skip


def _ours(motor):
    return motor.prefix == MOTOR


def halves(motor):
    """Stops half-way to each target, as one with a following error."""

    async def travel(target, _):
        motor.position += 0.5 * (target - motor.position)
        return motor.position, False

    motor._travel = travel


def stuck(motor):
    """Goes nowhere above 0.2 deg, as one at a limit switch."""
    travel = motor._travel

    async def limited(target, move):
        return await travel(min(target, 0.2), move)

    motor._travel = limited


def far(motor):
    """Reads back 0.3 deg beside where it stands, as one with a slipped encoder."""
    read_back = motor._read_back

    async def beside():
        motor.position += 0.3
        await read_back()
        motor.position -= 0.3

    motor._read_back = beside


def slow(motor):
    """Needs minutes for a move."""
    motor._speed = 0.00002


def classic(_):
    """Has all of a detector that classic ophyd looks at."""
    begin, take = Detector.begin, Detector._take_frames

    async def begun(detector):
        await begin(detector)
        channels, prefix = detector.channels, detector._prefix
        channels |= {prefix + name: ChannelString(value=text) for name, text in TEXTS.items()}
        for name, kind in (NUMBERS | WORDS).items():
            for ending in ("", "_RBV"):
                made = EnumChannel(value=kind[0], enum_strings=kind) if name in WORDS else IntegerChannel(value=kind)
                channels.setdefault(prefix + name.removesuffix("_RBV") + ending, made)
            setpoint, readback = (channels[prefix + name.removesuffix("_RBV") + ending] for ending in ("", "_RBV"))
            if setpoint.handler is None:
                setpoint.handler = readback.write

    async def taken(detector, end):
        await detector._read("cam1:AcquireBusy", "Acquiring")
        await take(detector, end)
        await detector._read("cam1:AcquireBusy", "Done")

    Detector.begin, Detector._take_frames = begun, taken


class Fields:
    """Changes fields of the record once it has begun."""

    def __init__(self, **fields):
        self.fields = fields

    def __call__(self, motor):
        begin = motor.begin

        async def begun(instance):
            await begin(instance)
            for name, value in self.fields.items():
                channel = getattr(instance.field_inst, name)
                putter, channel.putter = channel.putter, None
                await channel.write(value, verify_value=False)
                channel.putter = putter

        motor.begin = begun


KINDS = {
    "halves": halves,
    "stuck": stuck,
    "far": far,
    "slow": slow,
    "millimetres": Fields(engineering_units="mm"),
    "no unit": Fields(engineering_units=""),
    "spelt": Fields(engineering_units="degrees"),
    "unlimited": Fields(
        dial_low_limit=0.0, dial_high_limit=0.0, user_low_limit=5.0, user_high_limit=5.0, user_offset=5.0
    ),
    "reversed": Fields(user_low_limit=0.9, user_high_limit=-0.4, dial_low_limit=-0.9, dial_high_limit=0.4),
    "classic": classic,
    "usual": lambda _: None,
}


if __name__ == "__main__":
    change = KINDS[sys.argv[1]]
    made = motors.Motor.__init__

    def make(self, *arguments, **options):
        made(self, *arguments, **options)
        if _ours(self):
            change(self)

    motors.Motor.__init__ = make
    sys.exit(main(sys.argv[2:]))
