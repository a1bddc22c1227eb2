import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from steering.beamline.tokens import MOST_OF_ONE, Tokens
from steering.core.action import Abort, EndBurst, Finish, InsertRegion, Pause, ReplacePath, Resume, SetParameter, Skip
from steering.core.errors import SteeringError
from steering.core.frame import Frame
from steering.core.parameter import Parameter
from steering.core.status import BeamlineStatus
from steering.description.description import read_description
from steering.service import tenancy as tenancy_module
from steering.service.tenancy import Tenancy
from steering.service.wire import (
    RULING,
    STATUS,
    action_json,
    decode_frame,
    dumps,
    encode_frame,
    read_proposal,
    unreadable,
)

ACTIONS = [
    SetParameter("exposure", 0.1),
    ReplacePath({"type": "Linspace", "num": 3}),
    InsertRegion({"sx": (0.0, 1.0)}, {"sx": 0.5}),
    Skip(3),
    EndBurst(2),
    Finish(),
    Pause(),
    Resume(),
    Abort("smoke"),
]
EXPOSURE = (Parameter("exposure", "s", 0.1, 0.01, 5.0),)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.kind)
def test_actions_survive_the_wire(action):
    assert read_proposal(json.loads(dumps({"action": action_json(action)})), "ana").action == action


def test_nan_survives_the_wire_so_that_the_guard_can_name_it():
    read = read_proposal(json.loads(dumps({"action": action_json(SetParameter("exposure", float("nan")))})), "ana")
    assert np.isnan(read.action.value)


def test_status_survives_the_wire():
    status = BeamlineStatus(state="running", parameters=EXPOSURE, pending={"exposure": 0.2})
    read = STATUS.validate_python(json.loads(dumps(status)))
    assert np.isnan(read.seconds_left)
    assert read.parameters == status.parameters
    assert read.pending == status.pending


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
hostile = json_values | st.fixed_dictionaries(
    {"action": st.fixed_dictionaries({"kind": st.sampled_from(["set", "insert", "skip", "x"])}) | json_values},
    optional={"id": json_values, "agent": json_values, "proposed_at": json_values},
)


@given(hostile)
def test_hostile_json_is_refused_with_a_sentence_and_never_crashes(content):
    try:
        read_proposal(content, "ana")
    except ValidationError as error:
        ruling = unreadable(content, "ana", error, EXPOSURE)
        assert ruling.verdict == "refused"
        assert ruling.reason
        assert len(ruling.reason) < 600
        assert RULING.validate_python(json.loads(dumps(ruling))) == ruling


@pytest.mark.parametrize("value", ["abc", True, None, [1], "0.1"])
def test_a_wrong_type_names_value_unit_and_limits(value):
    content = {"action": {"kind": "set", "parameter": "exposure", "value": value}}
    with pytest.raises(ValidationError) as caught:
        read_proposal(content, "ana")
    reason = unreadable(content, "ana", caught.value, EXPOSURE).reason
    assert repr(value) in reason
    assert "Allowed: 0.01 to 5 s" in reason


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32"])
def test_frames_survive_the_wire(dtype):
    frame = Frame(np.arange(12).reshape(3, 4).astype(dtype), 7, 12.5, 2)
    read = decode_frame(encode_frame(frame))
    assert np.array_equal(read.pixels, frame.pixels)
    assert read.pixels.dtype == frame.pixels.dtype
    assert (read.number, read.time, read.binning) == (7, 12.5, 2)


def test_a_truncated_frame_is_an_error_not_a_crash():
    message = encode_frame(Frame(np.ones((8, 8), np.uint16), 1, 0.0))
    with pytest.raises(ValueError, match=r".+"):
        decode_frame(message[:-5])


def test_a_frame_without_a_time_and_with_masked_pixels_survives_the_wire():
    marks = (np.arange(35).reshape(5, 7) % 4).astype(np.uint8)
    frame = Frame(np.ones((5, 7), np.uint16), 7, float("nan"), 2, marks=marks, marked=(3, 2, 1), masked=0.34)
    read = decode_frame(encode_frame(frame))
    assert np.isnan(read.time)
    assert np.array_equal(read.marks, marks)
    assert read.marked == (3, 2, 1)
    assert (read.masked, read.pixels.tolist()) == (0.34, frame.pixels.tolist())


def test_tokens_are_kept_as_hashes_and_run_out():
    tokens = Tokens()
    token = tokens.issue("ana", frozenset({"read"}), 100.0)
    assert token not in repr(tokens)
    assert tokens.person(token).name == "ana"
    assert tokens.person(token + "x") is None
    assert tokens.person(tokens.issue("ben", lifetime=-1.0)) is None


def test_void_tokens_are_forgotten_and_nobody_has_more_than_a_thousand():
    tokens = Tokens()
    for _ in range(5):
        tokens.issue("ben", lifetime=-1.0)
    guest = tokens.person(tokens.issue("guest", frozenset({"read"})))
    assert len(tokens._people) == 1
    for _ in range(MOST_OF_ONE - 1):
        last = tokens.derive(guest, "guest", frozenset({"read"}), 60.0)
    with pytest.raises(SteeringError, match=r"guest has 1000 tokens that hold\. Allowed: 1000\."):
        tokens.derive(guest, "guest", frozenset({"read"}), 60.0)
    assert tokens.person(last) is not None
    assert tokens.derive(guest, "ana", frozenset({"read"}), 60.0)


def test_one_holds_the_lease_until_it_runs_out(monkeypatch):
    tenancy = Tenancy()
    tenancy.take("ana")
    with pytest.raises(SteeringError, match="held by ana"):
        tenancy.take("ben")
    tenancy.release("ben")
    assert tenancy.lease.holder == "ana"
    tenancy.release("ana")
    assert tenancy.take("ben").holder == "ben"
    monkeypatch.setattr(tenancy_module, "steady", lambda: tenancy_module.LEASE_SECONDS + 1e10)
    assert tenancy.lease.holder == ""


def test_the_embedded_beamline_describes_the_beamtimes_scan():
    description = read_description(None)
    scans = {entry.name: entry.scan() for entry in description.scans}
    values = {item.name: item.value for item in scans["rocking"].parameters}
    assert scans["rocking"].count(values) == 201


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [", "not YAML"),
        ("name: x\nmotors: {}\ndetector: {prefix: d}\nscans: 3\n", "scans"),
        ("name: x\ncolour: red\nmotors: {}\ndetector: {prefix: d}\nscans: []\n", "colour"),
    ],
)
def test_a_wrong_description_says_where(tmp_path, text, words):
    path = tmp_path / "b.yaml"
    path.write_text(text)
    with pytest.raises(SteeringError, match=words):
        read_description(path)
    with pytest.raises(SteeringError, match="cannot be read"):
        read_description(tmp_path / "absent.yaml")
