import shutil
from pathlib import Path

from steering.commands import scratch as module
from steering.commands.scratch import scratch


def test_the_folder_goes_also_if_something_still_writes_into_it(monkeypatch):
    remove, times = shutil.rmtree, []

    def busy(folder):
        times.append(folder)
        if len(times) < 3:
            raise OSError(39, "Directory not empty")
        remove(folder)

    monkeypatch.setattr(module.shutil, "rmtree", busy)
    with scratch() as folder:
        (folder / "file").write_text("x")
    assert len(times) == 3
    assert not folder.exists()


def test_one_that_cannot_be_removed_is_named(monkeypatch, capsys):
    def never(folder):
        raise OSError(39, "Directory not empty")

    remove = shutil.rmtree
    monkeypatch.setattr(module, "_GONE_SECONDS", 0.0)
    monkeypatch.setattr(module.shutil, "rmtree", never)
    with scratch() as folder:
        pass
    said = capsys.readouterr()
    assert said.err == f"The folder {folder} could not be removed (Directory not empty). Remove it by hand.\n"
    assert said.out == ""
    remove(Path(folder))
