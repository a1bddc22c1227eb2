"""How messages look on the wire: JSON objects with a literal ``kind``, the records of :mod:`steering.core` inside.

NaN and infinities are written as JSON's usual extension (``NaN``, ``Infinity``), which Python and JavaScript-free
clients read back; the ``/control`` socket that a browser reads carries none.
"""

import json
import math
import struct
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Annotated, Any, cast

import numpy as np
import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from steering.core.action import Action
from steering.core.errors import SteeringError
from steering.core.frame import Frame
from steering.core.instrument import Reading
from steering.core.json import Json
from steering.core.parameter import Parameter
from steering.core.plan import Forecast, Plan
from steering.core.proposal import Proposal, Ruling
from steering.core.status import BeamlineStatus, ScanDescription

_ACTION: TypeAdapter[Action] = TypeAdapter(Annotated[Action, Field(discriminator="kind")])
RULING: TypeAdapter[Ruling] = TypeAdapter(Ruling)
STATUS: TypeAdapter[BeamlineStatus] = TypeAdapter(BeamlineStatus)
READINGS: TypeAdapter[tuple[Reading, ...]] = TypeAdapter(tuple[Reading, ...])
SCANS: TypeAdapter[tuple[ScanDescription, ...]] = TypeAdapter(tuple[ScanDescription, ...])

# Where the service passes on what is asked of its record; where Tiled has its own API, whose links so lead there again.
RECORD_PREFIX = "/api/v1"
# Close code of a WebSocket whose token is missing or void, as HTTP's 401.
UNAUTHORISED = 4401
# Longest text of a stranger's value that is quoted in a sentence.
_QUOTE = 60
# So many actions may be asked about at once.
_MOST_ACTIONS = 20


class ProposalIn(BaseModel):
    """A proposal as a client sends it.

    Attributes:
        id: Unique name; the same one again changes nothing. Made up by the service if left out.
        action: One of the actions, told apart by its ``kind``.
        agent: Name of the agent that proposes in the person's name, or empty.
        basis: The result that it rests on, or empty.
        proposed_at: Unix time in seconds; the service's own if left out.
    """

    model_config = ConfigDict(extra="forbid")

    id: str = Field(default_factory=lambda: uuid.uuid4().hex, max_length=100)
    action: Annotated[Action, Field(discriminator="kind")]
    agent: str = Field(default="", max_length=100)
    basis: str = Field(default="", max_length=300)
    proposed_at: float = Field(default_factory=time.time, allow_inf_nan=False)


class ForecastIn(BaseModel):
    """A question what actions would do, one after another.

    Attributes:
        actions: Told apart by their ``kind``.
    """

    model_config = ConfigDict(extra="forbid")

    actions: list[Annotated[Action, Field(discriminator="kind")]] = Field(min_length=1, max_length=_MOST_ACTIONS)


class OutlookIn(BaseModel):
    """A question what a scan would be, if it were started.

    Attributes:
        scan: Its name.
        values: The parameters that differ from their defaults: numbers, or names of choices.
    """

    model_config = ConfigDict(extra="forbid")

    scan: str
    values: dict[str, float | str] = Field(default_factory=dict)


def dumps(content: object) -> str:
    """Encode a message; numpy values become numbers."""
    return json.dumps(content, default=_plain)


def action_json(action: Action) -> dict[str, Json]:
    """Encode an action."""
    return cast("dict[str, Json]", asdict(action))


def read_proposal(content: Json, person: str) -> Proposal:
    """Read a proposal that a client sent.

    Raises:
        ValidationError: If it is malformed.
    """
    # Strict, so that "0.1" or true is no number; from JSON, so that a list may stand for a tuple.
    read = ProposalIn.model_validate_json(dumps(content), strict=True)
    who = f"{read.agent} for {person}" if read.agent else person
    return Proposal(read.id, who, read.action, read.basis, read.proposed_at)


def unreadable(content: Json, person: str, error: ValidationError, parameters: tuple[Parameter, ...]) -> Ruling:
    """Make the refusal of a proposal that could not be read: a plain sentence, whatever was sent."""
    fields: Mapping[str, Json] = content if isinstance(content, dict) else {}
    action = fields.get("action")
    asked: Mapping[str, Json] = action if isinstance(action, dict) else {}
    reason = _why_unreadable(asked, error, parameters, "the proposal")
    now = time.time()
    name = fields.get("id")
    return Ruling(
        id=name[:100] if isinstance(name, str) and name else uuid.uuid4().hex,
        who=person,
        kind=_short(asked.get("kind", "unreadable")),
        subject=_short(asked.get("parameter", "")),
        old="",
        new=_short(asked.get("value", "")),
        verdict="refused",
        reason=reason,
        basis="",
        proposed_at=now,
        decided_at=now,
    )


def read_forecast(content: Json, parameters: tuple[Parameter, ...]) -> tuple[Action, ...]:
    """Read which actions a client asks about.

    Args:
        content: What was sent.
        parameters: Of the scan, for the sentence on a value that is no number.

    Raises:
        SteeringError: If it is malformed; with a sentence.
    """
    try:
        return tuple(ForecastIn.model_validate_json(dumps(content), strict=True).actions)
    except ValidationError as error:
        loc = error.errors(include_url=False)[0]["loc"]
        listed = content.get("actions") if isinstance(content, dict) else None
        number = loc[1] if len(loc) > 1 else None
        action = listed[number] if isinstance(listed, list) and isinstance(number, int) else None
        asked: Mapping[str, Json] = action if isinstance(action, dict) else {}
        raise SteeringError(_why_unreadable(asked, error, parameters, "actions")) from error


def read_outlook(content: Json) -> OutlookIn:
    """Read which scan a client asks about.

    Raises:
        SteeringError: If it is malformed; with a sentence.
    """
    try:
        return OutlookIn.model_validate_json(dumps(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        message = f"This question about a scan is malformed ({where}: {first['msg']}). Give scan and values by name."
        raise SteeringError(message) from error


def encode_plan(plan: Plan) -> str:
    """Encode a plan as a message of the stream."""
    return _quickly({"kind": "plan", "plan": _plan_fields(plan)})


def encode_forecast(forecast: Forecast) -> str:
    """Encode a forecast; a time that is not known is ``null``."""
    return _quickly(
        {
            "refusal": forecast.refusal,
            "plan": _plan_fields(forecast.plan),
            "points_left": forecast.points_left,
            "seconds_left": forecast.seconds_left,
            "at_least": forecast.at_least,
        }
    )


def decode_plan(fields: Mapping[str, Any]) -> Plan:
    """Read a plan.

    Raises:
        ValueError: If it is malformed.
    """
    run, axes = str(fields["run"]), tuple(str(axis) for axis in fields["axes"])
    if not axes:
        return Plan(run)
    return Plan.of(run, axes, fields["positions"], int(fields["count"]), int(fields["done"]))


def decode_forecast(fields: Mapping[str, Any]) -> Forecast:
    """Read a forecast.

    Raises:
        ValueError: If it is malformed.
    """
    seconds = fields["seconds_left"]
    left = math.nan if seconds is None else float(seconds)
    plan, points = decode_plan(fields["plan"]), int(fields["points_left"])
    # A service of before does not say it.
    return Forecast(str(fields["refusal"]), plan, points, left, fields.get("at_least") is True)


def numbered(parameter: Parameter) -> str:
    """Say which numbers a parameter may have: ``0.01 to 5 s``, or ``0 (out), 1 (thin)``."""
    choices = ", ".join(f"{place} ({name})" for place, name in enumerate(parameter.choices))
    return choices or parameter.allowed


def encode_frame(frame: Frame) -> bytes:
    """Encode a frame: length of the header (uint32, little-endian), header as JSON, pixels in C order, marks.

    Why pixels are no counts comes as two bits a pixel, if there is any such: all lower ones, then all upper ones.
    """
    pixels = np.ascontiguousarray(frame.pixels)
    header = orjson.dumps(
        {
            "kind": "frame",
            "shape": pixels.shape,
            "dtype": pixels.dtype.str,
            "number": frame.number,
            "time": frame.time,
            "binning": frame.binning,
            "masked": frame.masked,
            "marks": frame.marks is not None,
            "marked": frame.marked,
        }
    )
    marks = b"" if frame.marks is None else b"".join(np.packbits(frame.marks & bit).tobytes() for bit in (1, 2))
    return struct.pack("<I", len(header)) + header + pixels.tobytes() + marks


def decode_frame(message: bytes) -> Frame:
    """Decode what :func:`encode_frame` made.

    Raises:
        ValueError: If it is cut short or malformed.
    """
    (length,) = struct.unpack_from("<I", message)
    header = orjson.loads(message[4 : 4 + length])
    shape, dtype = tuple(header["shape"]), np.dtype(header["dtype"])
    count, begin = math.prod(shape), 4 + length
    pixels = np.frombuffer(message, dtype, count, begin).reshape(shape)
    marks = None
    if header["marks"]:
        bits = np.frombuffer(message, np.uint8, offset=begin + pixels.nbytes).reshape(2, -1)
        lower, upper = np.unpackbits(bits, axis=1, count=count)
        marks = (lower | upper << 1).reshape(shape)
    # JSON knows no NaN: a frame without a time has none.
    taken = math.nan if header["time"] is None else float(header["time"])
    masked, dead, saturated = (int(count) for count in header["marked"])
    return Frame(
        pixels,
        int(header["number"]),
        taken,
        int(header["binning"]),
        marks=marks,
        marked=(masked, dead, saturated),
        masked=float(header["masked"]),
    )


def _why_unreadable(
    action: Mapping[str, Json], error: ValidationError, parameters: tuple[Parameter, ...], whole: str
) -> str:
    """Say what is wrong with what was sent: where, what stands there, and what is allowed."""
    first = error.errors(include_url=False)[0]
    steps = [part for part in first["loc"] if part != action.get("kind") and not isinstance(part, int)]
    place = ".".join(str(part) for part in steps[1:]) or whole
    named = next((item for item in parameters if item.name == action.get("parameter")), None)
    if place == "value" and named is not None:
        return f"{named.name} = {first['input']!r:.{_QUOTE}} is not a number. Allowed: {numbered(named)}."
    return f"{place} = {first['input']!r:.{_QUOTE}}: {first['msg']}."


def _plan_fields(plan: Plan) -> dict[str, Any]:
    return {
        "run": plan.run,
        "axes": plan.axes,
        "positions": plan.positions,
        "count": plan.count,
        "done": plan.done,
    }


def _quickly(content: Mapping[str, Any]) -> str:
    """Encode arrays without making a list of them; what is not finite is null."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _short(value: Json) -> str:
    return value[:_QUOTE] if isinstance(value, str) else f"{value!r:.{_QUOTE}}"


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return orjson.loads(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY))
