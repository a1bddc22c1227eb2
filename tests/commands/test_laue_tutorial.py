"""The tutorial of Laue microdiffraction runs from its first cell to its last, and what it says is true."""

import re

import pytest

from tests.commands.notebooks import executed

ENDING = """
uid = session.record[0].uid
print(session.exit_status(uid), session.past.export(uid, "nexus").exists())
session.shutdown()
"""


@pytest.mark.system
@pytest.mark.timeout(700)
def test_an_agent_looks_finer_where_spots_belong_to_nobody(workspace, monkeypatch):
    said, last = executed("05-map-grains-with-laue.ipynb", ENDING, workspace, monkeypatch)
    # The place holds the inclusion, whose middle is at (3, -2) um.
    place = re.search(
        r"region for \S+ asked for sy ([-.\d]+) to ([-.\d]+) um step 0.5; sx ([-.\d]+) to ([-.\d]+) um", said
    )
    low_y, high_y, low_x, high_x = map(float, place.groups())
    assert low_y <= -4.2 < 0.2 <= high_y, said
    assert low_x <= 0.8 < 5.2 <= high_x, said
    assert ": accepted." in said, said
    assert "1 grain was found there" in said, said
    before, after = (float(one) for one in re.findall(r"([\d.]+) \+- [\d.]+ % of all spots", said))
    assert before < 95
    assert after > 98
    rows = [tuple(map(float, one)) for one in re.findall(r"strain_xx +(-?\d+) \+- +(\d+) um/m, made +(\d+)", said)]
    assert len(rows) > 3
    assert all(abs(seen - made) < 5 * error for seen, error, made in rows), rows
    assert max(made for _, _, made in rows) > 1000
    assert int(re.search(r"is seen in (\d+) points", said).group(1)) > 40
    assert "success True" in last
