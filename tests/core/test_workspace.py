"""The folder that everything of a beamline is kept in."""

from pathlib import Path

from steering.core.workspace import Workspace, default_workspace


def test_a_relative_folder_is_taken_from_where_the_process_works_now(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace = Workspace(Path("here"))
    monkeypatch.chdir("/")
    assert workspace.frames == tmp_path / "here" / "frames"
    assert workspace == Workspace(tmp_path / "here")


def test_a_home_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Workspace(Path("~/steering")).directory == tmp_path / "steering"
    monkeypatch.setenv("STEERING_HOME", "~/elsewhere")
    assert default_workspace().directory == tmp_path / "elsewhere"
