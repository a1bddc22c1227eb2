"""What looks at frames is made once, and anew where a file of it is written anew."""

import os
from dataclasses import replace

import numpy as np
import pytest

from steering.core.pixels import NOTHING_BAD
from steering.laue import looking
from steering.laue.choices import IndexingChoices
from steering.laue.geon import write_geon
from steering.laue.indexing import Known
from steering.laue.looker import looker_of, orientations_of
from steering.laue.looking import Looker, numbered
from steering.laue.orientations import write_orientations
from steering.laue.search import Search
from steering.laue.spots import Finder, find_spots
from steering.laue.tables import (
    COUNTS,
    DIRECTION,
    GRAIN,
    GRAIN_COLUMNS,
    NEW_GRAIN,
    OF_GRAIN,
    OWN,
    SPOT_COLUMNS,
    STRAIN,
    TURN,
)  # fmt: skip
from steering.spots.lit import Cut
from tests.laue.patterns import NICKEL, PANEL, lattices, optics, seen, turns


def later(path):
    """Have it written a second later, whatever the clock of the disk."""
    now = path.stat().st_mtime_ns + 10**9
    os.utime(path, ns=(now, now))


def test_orientations_and_a_panel_that_are_written_anew_are_read_anew(tmp_path):
    known, stands = write_orientations(tmp_path / "o.txt", turns(2)), write_geon(tmp_path / "geon.xml", [PANEL])
    crystal = {"lengths": NICKEL.lengths, "atoms": NICKEL.atoms}
    chosen = IndexingChoices.model_validate(
        {"crystal": crystal, "orientations": str(known), "geometry_file": str(stands)}
    )
    looker = looker_of(chosen)
    assert looker_of(chosen) is looker
    assert len(orientations_of(chosen)) == 2
    write_orientations(known, turns(3, seed=5))
    later(known)
    assert len(orientations_of(chosen)) == 3
    other = looker_of(chosen)
    assert other is not looker
    moved = replace(PANEL, translation=(28.0, 3.5, 513.0))
    write_geon(stands, [moved])
    later(stands)
    assert looker_of(chosen)._known.optics.panel.translation == pytest.approx(moved.translation)


def test_the_grain_with_the_most_spots_comes_first_also_where_nobody_knew_it():
    made = lattices(2, 5)
    row, column, counts = seen(made, np.random.default_rng(0))
    first = len(optics().pattern(made[0]))
    # Of the known grain a few spots are there, of the unknown one all.
    keep = np.r_[0:12, first : len(row)]
    table = np.full((len(keep), SPOT_COLUMNS), np.nan)
    table[:, DIRECTION : DIRECTION + 3] = PANEL.directions(row[keep], column[keep])
    table[:, COUNTS], table[:, OF_GRAIN] = counts[keep], -1
    looker = Looker(Known(made[:1], optics()), turns(1, 5), NICKEL, Search(NICKEL, optics()))
    grains = looker.look(table)
    assert grains[:, GRAIN].tolist() == [NEW_GRAIN, 0]
    assert grains[0, OWN] > grains[1, OWN]


def test_a_spot_that_the_region_cuts_is_none_as_one_at_the_edge_of_the_frame():
    down, right = np.indices((40, 40))
    frame = sum(
        40 * np.exp(-((down - row) ** 2 + (right - column) ** 2) / 4) for row, column in ((10, 12), (20, 10), (20, 25))
    )
    frames = frame[np.newaxis].astype(np.uint16)
    # Its left edge goes through the second spot.
    found = find_spots(frames, NOTHING_BAD, 0, Finder(Cut(3.0, region=((5, 30), (10, 40)))))
    assert np.round(np.stack([found.row, found.column], 1)).tolist() == [[20, 25]]
    found = find_spots(frames, NOTHING_BAD, 0, Finder(Cut(3.0, region=((5, 30), (2, 40)))))
    assert len(found.row) == 3


def test_grains_have_the_same_numbers_however_a_run_has_grown_and_are_compared_once(monkeypatch):
    rows = np.zeros((60, GRAIN_COLUMNS))
    rows[:, GRAIN] = NEW_GRAIN
    rows[::7, GRAIN] = 1
    rows[:, TURN:STRAIN] = np.array(turns(9, 3))[np.random.default_rng(0).integers(0, 9, 60)].reshape(-1, 9)
    asked, plain = [], looking.nearness
    monkeypatch.setattr(looking, "nearness", lambda *given: asked.append(1) or plain(*given))

    def anew(some):
        looking._NUMBERED.clear()
        return numbered(some, 3, NICKEL, 1.0)

    expected = [anew(rows[:count]) for count in range(61)]
    once = len(asked) // 20
    asked.clear()
    looking._NUMBERED.clear()
    for count, (number, new) in enumerate(expected):
        found = numbered(rows[:count], 3, NICKEL, 1.0)
        assert np.array_equal(found[0], number)
        assert np.array_equal(found[1], new)
    assert len(asked) < once
    # A frame that comes late, before others, and a run that is another one.
    for other in (np.delete(rows, 3, axis=0), rows, rows[::-1], rows[:5]):
        found = numbered(other, 3, NICKEL, 1.0)
        number, new = anew(other)
        assert np.array_equal(found[0], number)
        assert np.array_equal(found[1], new)
