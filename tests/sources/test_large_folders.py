"""What a look at a folder costs does not grow with what was taken from it, nor with how many series lie there."""

from pathlib import Path

from steering.folders.directory import Directory
from tests.sources.test_folder_faults import FRAMES, stack


def test_of_many_series_the_first_is_found_in_one_look(tmp_path, monkeypatch):
    directory = Directory(tmp_path, "*")
    for scan in range(200):
        stack(tmp_path / f"s{scan:03d}x_0001.tif", FRAMES[0, :2, :2])
    directory.look()
    files = directory._files

    class Counted(dict):
        looks = 0

        def values(self):
            Counted.looks += 1
            return super().values()

    directory._files = Counted(files)
    assert len(directory.waiting()) == 1
    assert Counted.looks < 10


def test_of_many_files_that_are_done_with_some_are_looked_at_in_turn(tmp_path, monkeypatch):
    directory = Directory(tmp_path, "*")
    for number in range(1200):
        (tmp_path / f"a_{number:05d}.tif").write_bytes(b"x")
    directory.look()
    for file in directory.waiting():
        directory.finish(file)
    asked = []
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **more: (asked.append(path), stat(path, **more))[1])
    (tmp_path / "a_01200.tif").write_bytes(b"x")
    directory.look()
    assert [file.number for file in directory.waiting()] == [1200]
    assert len(asked) <= 501
    # One that was written again is seen all the same.
    (tmp_path / "a_00700.tif").write_bytes(b"longer")
    for _ in range(3):
        directory.look()
    assert directory.repeated == 1
    # And one that was refused is looked at each time.
    (late,) = directory.waiting()
    directory.refuse(late)
    (tmp_path / "a_01200.tif").write_bytes(b"whole now")
    directory.look()
    assert [file.number for file in directory.waiting()] == [1200]
