"""How the page was laid out is kept in the workspace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.machine.kept_layout import keep_layout, read_layout
from steering_widgets.pages.splitter import USUAL, share_of


def test_what_is_kept_is_read_again_and_the_rest_of_it_stays(tmp_path):
    workspace = Workspace(tmp_path / "new")
    assert read_layout(workspace) == {}
    keep_layout(workspace, {"share": 0.6})
    keep_layout(workspace, {"view": "Map"})
    assert read_layout(workspace) == {"share": 0.6, "view": "Map"}


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '"share"', "\x00\x00"])
def test_a_file_that_is_no_layout_is_none_and_is_replaced(tmp_path, text):
    (tmp_path / "layout.json").write_text(text)
    workspace = Workspace(tmp_path)
    assert read_layout(workspace) == {}
    keep_layout(workspace, {"share": 0.3})
    assert read_layout(workspace) == {"share": 0.3}


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SteeringError, match="cannot be"):
        keep_layout(Workspace(tmp_path / "file"), {"share": 0.3})


def test_a_full_disk_is_said(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("steering.machine.kept_layout.write_secret", full)
    with pytest.raises(SteeringError, match=r"layout\.json: No space left on device\. The page goes on as it is\."):
        keep_layout(Workspace(tmp_path), {"share": 0.3})


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.floats()))
def test_whatever_was_kept_leaves_room_for_both_columns(kept):
    assert 0.25 <= share_of(kept) <= 0.75


def test_a_share_is_taken_as_it_was_kept():
    assert share_of(0.7) == 0.7
    assert share_of(0.1) == share_of("0.7") == share_of(True) == USUAL
