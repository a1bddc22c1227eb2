"""HDF5 files of a directory that are runs of their own: masters, which name their data files, and files of many scans.

A master (an Eiger's, a NeXus file with links, a virtual dataset) is followed as the HDF5 source follows it, and what it
names is not taken besides. A data file whose name says that it has a master waits a while for it.
"""

import re
from pathlib import Path
from typing import Any

from steering.core.errors import SteeringError
from steering.folders.directory import SeenFile
from steering.readers.file_names import HDF5
from steering.readers.hdf5_layout import find_layouts
from steering.readers.hdf5_nodes import UNREADABLE, children, link_target, names
from steering.readers.hdf5_virtual import source_path
from steering.readers.open_files import OpenFiles

# DECTRIS' names: of a master, and of the data files that belong to it.
_DATA_OF = re.compile(r"(.*)_data_\d+$")
_GROUPS_LOOKED_AT, _DEEPEST = 500, 6


def master_name(path: Path) -> Path | None:
    """Return where the master of a data file would be; nothing if its name does not tell."""
    matched = _DATA_OF.match(path.stem)
    return path.with_name(f"{matched[1]}_master{path.suffix}") if matched else None


class Masters:
    """What is known of the HDF5 files of a directory."""

    def __init__(self, opened: OpenFiles) -> None:
        """Know nothing yet.

        Args:
            opened: Where handles are kept.
        """
        self._opened = opened
        self._known: dict[Path, tuple[int, int, bool]] = {}
        self._claimed: set[Path] = set()

    def claims(self, file: SeenFile) -> bool:
        """Say whether a master has named this file."""
        return file.path.absolute() in self._claimed

    def is_master(self, file: SeenFile) -> bool:
        """Say whether a file is a run of its own, and keep what it names."""
        if file.name.suffix not in HDF5:
            return False
        known = self._known.get(file.path)
        if known is None or known[:2] != (file.size, file.changed):
            known = self._known[file.path] = file.size, file.changed, self._look(file.path)
        return known[2]

    def _look(self, path: Path) -> bool:
        try:
            self._opened.forget(str(path))
            with self._opened.use(str(path)) as handle:
                named = _named(handle)
                # What is not there yet is claimed too: it will be.
                self._claimed |= named
                layouts = find_layouts(handle)
                return bool(named) or len(layouts) > 1 or any(len(layout.stacks) > 1 for layout in layouts)
        except (*UNREADABLE, SteeringError):
            # Half-written: what it is is seen once it is whole.
            return False


def _named(file: Any) -> set[Path]:
    """List the files that a file's links and virtual datasets lead to."""
    here = Path(str(file.filename)).absolute()
    found: set[Path] = set()
    groups, looked = [(file, 0)], 0
    while groups and looked < _GROUPS_LOOKED_AT:
        group, depth = groups.pop()
        looked += 1
        for name in names(group):
            target = link_target(group, name)
            if target is not None and target[0]:
                found.add((here.parent / target[0]).absolute())
        # What a link leads to is another file's.
        inside = [node for node in children(group) if str(node.item.file.filename) == str(file.filename)]
        for node in inside:
            if node.is_group and depth < _DEEPEST:
                groups.append((node.item, depth + 1))
            elif not node.is_group and node.item.is_virtual:
                found |= _sources(node.item)
    return {path for path in found if path != here}


def _sources(dataset: Any) -> set[Path]:
    try:
        return {source_path(dataset, entry.file_name).absolute() for entry in dataset.virtual_sources()}
    except UNREADABLE:
        return set()
