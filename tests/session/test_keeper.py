"""Results of ended runs are written one at a time; of one label the newest."""

import asyncio
import threading
from types import SimpleNamespace

import pytest

from steering.archive import results
from steering.session.keeper import ResultKeeper


def result(label, version, run="r"):
    return SimpleNamespace(provenance=SimpleNamespace(run=run, label=label, analysis="curve"), version=version)


@pytest.fixture
def written(monkeypatch):
    """What was written; the first write waits until it is let go."""
    found, begun, gate = [], threading.Event(), threading.Event()

    def write(client, one):
        assert client == "client"
        begun.set()
        gate.wait(30)
        if one.version < 0:
            message = "no room on the disk"
            raise OSError(message)
        found.append((one.provenance.run, one.provenance.label, one.version))

    monkeypatch.setattr(results, "write_result", write)
    return SimpleNamespace(found=found, begun=begun, gate=gate)


async def test_of_one_label_that_waits_the_newest_is_written_and_of_others_each(written):
    said = []
    keeper = ResultKeeper(lambda: "client", said.append)
    await keeper.written()
    keeper.keep(result("a", 1))
    waiting = asyncio.create_task(keeper.written())
    assert await asyncio.to_thread(written.begun.wait, 60)
    for version in (2, 3, 4):
        keeper.keep(result("a", version))
        keeper.keep(result("b", version))
    keeper.keep(result("a", 9, run="s"))
    written.gate.set()
    await waiting
    await keeper.written()
    assert written.found == [("r", "a", 1), ("r", "a", 4), ("r", "b", 4), ("s", "a", 9)]
    assert set(said) == {""}


async def test_the_last_ones_of_a_run_that_come_one_after_another_are_one(written):
    keeper = ResultKeeper(lambda: "client", lambda _: None)
    written.gate.set()
    for version in (1, 2, 3):
        keeper.keep(result("a", version))
        await asyncio.sleep(0)
    # Nobody waits for it: it is written all the same.
    assert await asyncio.to_thread(written.begun.wait, 60)
    await keeper.written()
    assert written.found == [("r", "a", 3)]


async def test_one_that_cannot_be_written_is_said_and_the_next_is_written(written):
    said = []
    keeper = ResultKeeper(lambda: "client", said.append)
    written.gate.set()
    keeper.keep(result("a", -1))
    keeper.keep(result("b", 1))
    await keeper.written()
    assert written.found == [("r", "b", 1)]
    assert all(one.startswith("The result of curve of run r is not in the record: no room on the disk") for one in said)


async def test_what_could_not_be_written_is_once_there_is_room(written):
    said, lost = [], result("a", -1)
    keeper = ResultKeeper(lambda: "client", said.append)
    written.gate.set()
    keeper.keep(lost)
    await keeper.written()
    # Of another run: it says nothing of this one.
    keeper.keep(result("a", 2, run="s"))
    await keeper.written()
    assert "of run r is not in the record" in said[-1]
    lost.version = 1
    keeper.keep(result("b", 3, run="s"))
    await keeper.written()
    assert written.found == [("s", "a", 2), ("s", "b", 3), ("r", "a", 1)]
    assert said[-1] == ""


async def test_what_can_never_be_written_is_not_tried_for_ever(written):
    keeper = ResultKeeper(lambda: "client", lambda _: None)
    written.gate.set()
    keeper.keep(result("a", -1))
    for version in range(20):
        keeper.keep(result("b", version))
        await keeper.written()
    assert [one[2] for one in written.found] == [*range(20)]
    # A newer one of the same label takes its place.
    keeper.keep(result("a", 3))
    await keeper.written()
    assert ("r", "a", 3) in written.found


async def test_whoever_stops_to_wait_does_not_stop_the_writing(written):
    keeper = ResultKeeper(lambda: "client", lambda _: None)
    keeper.keep(result("a", 1))
    waiting = asyncio.create_task(keeper.written())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    written.gate.set()
    await keeper.written()
    assert written.found == [("r", "a", 1)]
