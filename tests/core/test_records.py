import json
import stat
import threading

import numpy as np
import pytest

from steering.core import registry
from steering.core.block import FrameBlock, Inline
from steering.core.cell import Cell
from steering.core.errors import SteeringError
from steering.core.parameter import Parameter
from steering.machine.secret_file import read_secret, write_secret


@pytest.mark.parametrize(
    "limits", [{"low": 2.0, "high": 1.0}, {"low": float("nan")}, {"value": 3.0}, {"largest_step": 0.0}]
)
def test_a_parameter_with_impossible_limits_is_refused(limits):
    values = {"name": "exposure", "units": "s", "value": 0.5, "low": 0.0, "high": 1.0} | limits
    with pytest.raises(ValueError, match="exposure"):
        Parameter(**values)


def test_a_block_must_hold_frames_and_a_value_for_each():
    with pytest.raises(ValueError, match="start < stop"):
        FrameBlock("r", "primary", 3, 3, None)
    with pytest.raises(ValueError, match="'th' has shape"):
        FrameBlock("r", "primary", 0, 2, Inline(np.zeros((2, 4, 4))), {"th": np.zeros(3)})


def test_a_cell_hands_readers_only_what_is_newer():
    cell = Cell(0)
    assert cell.newer(0) is None
    version = cell.set(5)
    assert cell.newer(version - 1) == (version, 5)
    assert cell.newer(version) is None


def test_version_and_value_belong_together_whatever_the_threads_do():
    cell, done = Cell(0), threading.Event()
    torn, backwards = [], []

    def read():
        last = 0
        while not done.is_set():
            version, value = cell.read()
            if version != value:
                torn.append((version, value))
            if version < last:
                backwards.append((last, version))
            last = version

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for value in range(1, 5001):
        assert cell.set(value) == value
    done.set()
    for reader in readers:
        reader.join()
    assert (torn, backwards) == ([], [])
    assert (cell.version, cell.value) == (5000, 5000)


def test_a_late_reader_gets_the_newest_value_only():
    cell = Cell("first")
    for value in ("second", "third"):
        cell.set(value)
    assert cell.newer(0) == (2, "third")
    assert cell.newer(1) == (2, "third")


def test_the_limits_themselves_are_allowed_values():
    for value in (0.0, 1.0):
        assert Parameter("exposure", "s", value, 0.0, 1.0).value == value


def test_a_block_counts_its_frames_and_is_named_after_them():
    block = FrameBlock("r", "primary", 3, 5, None, {"th": np.array([0.1, 0.2])})
    assert len(block) == 2
    assert block.indices.tolist() == [3, 4]
    assert block.key == FrameBlock("r", "primary", 3, 5, Inline(np.zeros((2, 1, 1)))).key
    others = [FrameBlock("s", "primary", 3, 5, None), FrameBlock("r", "dark", 3, 5, None)]
    assert len({block.key, *(other.key for other in others), FrameBlock("r", "primary", 3, 6, None).key}) == 4


@pytest.mark.parametrize(("start", "stop"), [(3, 2), (-1, 2), (0, 0)])
def test_a_block_runs_forward_from_zero(start, stop):
    with pytest.raises(ValueError, match=f"not {start} to {stop}"):
        FrameBlock("r", "primary", start, stop, None)


def test_a_reader_on_another_thread_waits_for_a_condition():
    cell = Cell(0)
    writer = threading.Thread(target=lambda: [cell.set(value) for value in range(100)])
    writer.start()
    assert cell.wait(lambda value: value == 99, 10.0) == 99
    writer.join()
    with pytest.raises(TimeoutError):
        cell.wait(lambda value: value < 0, 0.01)


@pytest.mark.parametrize("door", ["analyses", "facilities", "sources", "agents", "widgets"])
def test_an_unknown_plugin_error_lists_what_is_installed(door):
    installed = registry.names(door)
    assert installed == sorted(installed) != []
    with pytest.raises(SteeringError, match=f"no 'xyz' among the {door}. Installed: {', '.join(installed)}."):
        registry.load(door, "xyz")


def test_a_secret_file_is_its_owners_alone_and_whole(tmp_path):
    path = tmp_path / "run" / "service.json"
    write_secret(path, {"token": "abc"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_secret(path) == {"token": "abc"}
    assert [found.name for found in path.parent.iterdir()] == ["service.json"]
    path.write_text(json.dumps({"token": "abc"})[:-3])
    assert read_secret(path) is None
    assert read_secret(tmp_path / "absent.json") is None
