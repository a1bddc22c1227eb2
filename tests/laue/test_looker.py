"""What looks at frames is made once, and anew where a file of it is written anew."""

import os
from dataclasses import replace

import pytest

from steering.laue.choices import IndexingChoices
from steering.laue.geon import write_geon
from steering.laue.looker import looker_of, orientations_of
from steering.laue.orientations import write_orientations
from tests.laue.patterns import NICKEL, PANEL, turns


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
