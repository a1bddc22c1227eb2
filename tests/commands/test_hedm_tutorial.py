"""The tutorial of HEDM runs from its first cell to its last, and what it says is true."""

import re

import pytest

from steering.sim.grains import GrainSample
from tests.commands.notebooks import executed

ENDING = """
uid = session.record[0].uid
print(session.exit_status(uid), session.past.export(uid, "nexus").exists())
session.shutdown()
"""


@pytest.mark.system
@pytest.mark.timeout(700)
def test_an_agent_pauses_the_pull_when_the_metal_yields(workspace, monkeypatch):
    said, last = executed("03-watch-a-metal-yield-with-hedm.ipynb", ENDING, workspace, monkeypatch)
    assert re.search(r"onset for \S+ has paused the pull: accepted, on hedm@", said), said
    # Exposure, resumption and end were accepted as well.
    assert said.count("accepted") == 4, said
    assert "success True" in last
    rows = re.findall(r"(\d+) MPa +(\d+) spots +([\d.]+) \+- [\d.]+ deg  excess +([-\d.]+|nan)", said)
    table = [(float(load), float(width), float(excess)) for load, _, width, excess in rows]
    elastic = [one for one in table[1:] if one[0] <= GrainSample.onset]
    yielding = [one for one in table if one[0] > GrainSample.onset * 4 / 3]
    assert elastic
    assert yielding
    assert all(excess < 5 for _, _, excess in elastic)
    assert all(excess > 5 for _, _, excess in yielding)
    assert min(width for _, width, _ in yielding) > 1.2 * table[0][1]
