"""A person's notebook is never written over."""

import json
import re
from pathlib import Path

import pytest

from steering.commands.lab import lab
from steering.commands.tutorials import FIRST, TECHNIQUES, lay_out, technique_of
from steering.core import registry
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.description.description import read_description

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "tutorials").glob("*.md"))


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def edit(path, text="my own cell"):
    content = json.loads(path.read_text(encoding="utf-8"))
    content["cells"][1]["source"] = [text]
    path.write_text(json.dumps(content), encoding="utf-8")


def test_however_often_it_is_laid_out_what_a_person_has_made_stays(workspace):
    mine = {}
    for number in range(4):
        laid = lay_out(workspace)
        assert laid.read_text(encoding="utf-8") not in mine.values()
        edit(laid, f"my cell of day {number}")
        mine[laid] = laid.read_text(encoding="utf-8")
    assert len(mine) == 4
    assert {path: path.read_text(encoding="utf-8") for path in mine} == mine


def test_one_that_was_only_run_is_taken_again(workspace):
    laid = lay_out(workspace)
    content = json.loads(laid.read_text(encoding="utf-8"))
    content["cells"][1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "12"}]
    laid.write_text(json.dumps(content), encoding="utf-8")
    assert lay_out(workspace) == laid
    assert len(list(laid.parent.glob(f"{laid.stem}*"))) == 1


@pytest.mark.parametrize("name", TECHNIQUES)
def test_each_technique_has_its_notebook_and_its_beamline(name, workspace):
    technique = TECHNIQUES[name]
    assert lay_out(workspace, technique.notebook).name == technique.notebook
    assert not technique.beamline or read_description(Path(technique.beamline)).scans
    code = [cell for cell in json.loads(lay_out(workspace, technique.notebook).read_text())["cells"]
            if cell["cell_type"] == "code"]  # fmt: skip
    assert "Dashboard(session)" in "".join(code[0]["source"])
    assert "session.start(" in "".join(code[1]["source"])
    if name in registry.names("analyses"):
        # A beginner sees what to look for, and somebody has looked at it.
        (page,) = (one for one in PAGES if f"--technique {name}\n" in one.read_text(encoding="utf-8"))
        shown = re.findall(r"!\[\S.*\]\((.+\.png)\)", page.read_text(encoding="utf-8"))
        assert shown
        assert all((page.parent / picture).stat().st_size > 10_000 for picture in shown)


@pytest.mark.parametrize("name", ["xpc", "", "Tomography\n", "x" * 500])
def test_a_technique_that_there_is_not_is_said_before_anything_starts(name, tmp_path):
    allowed = r"There is no tutorial of .* Allowed: rocking, xpcs, hedm, ptychography, laue, radial, flows\."
    with pytest.raises(SteeringError, match=allowed) as said:
        lab(["--technique", name, "--workspace", str(tmp_path / "none")])
    assert not (tmp_path / "none").exists()
    assert ("Did you mean xpcs?" in str(said.value)) is (name == "xpc")
    with pytest.raises(SteeringError):
        technique_of(name)


@pytest.mark.parametrize("text", ["", "not JSON", "[]", '{"cells": 3}', '{"cells": [{}]}', "\udcff"])
def test_whatever_lies_there_is_left_as_it_is(workspace, text):
    place = workspace.directory / "notebooks" / FIRST
    place.parent.mkdir(parents=True)
    place.write_bytes(text.encode(errors="surrogateescape"))
    assert lay_out(workspace) != place
    assert place.read_bytes() == text.encode(errors="surrogateescape")
