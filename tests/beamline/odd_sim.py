"""The simulated beamline with a motor that behaves as some real ones do: ``python -m tests.beamline.odd_sim KIND``."""

import sys

import steering.sim.motor as motors
from steering.sim.__main__ import main

MOTOR = "STEER:th"


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
