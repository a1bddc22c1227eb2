"""A person's notebook is never written over."""

import json

import pytest

from steering.commands.tutorials import FIRST, lay_out
from steering.core.workspace import Workspace


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
    assert len(list(laid.parent.glob("*.ipynb"))) == 1


@pytest.mark.parametrize("text", ["", "not JSON", "[]", '{"cells": 3}', '{"cells": [{}]}', "\udcff"])
def test_whatever_lies_there_is_left_as_it_is(workspace, text):
    place = workspace.directory / "notebooks" / FIRST
    place.parent.mkdir(parents=True)
    place.write_bytes(text.encode(errors="surrogateescape"))
    assert lay_out(workspace) != place
    assert place.read_bytes() == text.encode(errors="surrogateescape")
