"""The tutorial notebooks of a workspace: copies that become the person's own, and are then never written again."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any

from steering.commands.wishes import choice_text
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.machine.secret_file import make_private

FIRST = "01-steer-a-running-scan.ipynb"


@dataclass(frozen=True)
class Technique:
    """What there is to learn a technique with.

    Attributes:
        notebook: Its tutorial. The first code cell makes the dashboard, the second one starts the scan.
        described: File of its simulated beamline beside ``steering.beamline``; the usual one if empty.
    """

    notebook: str
    described: str = ""

    @property
    def beamline(self) -> str:
        """Path of the beamline's file; empty for the usual one."""
        return str(Path(str(files("steering.beamline") / self.described)).resolve()) if self.described else ""


TECHNIQUES = {
    "rocking": Technique(FIRST),
    "xpcs": Technique("02-measure-dynamics-with-xpcs.ipynb", "xpcs.yaml"),
    "hedm": Technique("03-watch-a-metal-yield-with-hedm.ipynb", "hedm.yaml"),
    "ptychography": Technique("04-see-an-object-with-ptychography.ipynb", "ptychography.yaml"),
    "laue": Technique("05-map-grains-with-laue.ipynb", "laue.yaml"),
    "radial": Technique("07-measure-sizes-with-saxs.ipynb", "radial.yaml"),
    "flows": Technique("06-automate-an-experiment.ipynb", "flows.yaml"),
}


def technique_of(name: str) -> Technique:
    """Find a technique by its name.

    Raises:
        SteeringError: If there is no such technique.
    """
    if name not in TECHNIQUES:
        message = f"There is no tutorial of {name!r:.60}. {choice_text(name, tuple(TECHNIQUES))}"
        raise SteeringError(message)
    return TECHNIQUES[name]


def lay_out(workspace: Workspace, notebook: str = FIRST) -> Path:
    """Copy the tutorials into the workspace, beside what a person has made of earlier copies.

    Args:
        workspace: Where to.
        notebook: Which of them is wanted.

    Returns:
        That tutorial, with the cells that it was shipped with: a new file if the person has changed the last one.

    Raises:
        SteeringError: If the project's notebooks, or the workspace's folder, cannot be used.
    """
    source = Path(__file__).resolve().parents[2] / "notebooks"
    if not (source / notebook).is_file():
        message = f"The notebooks are not at {source}. Run steering lab from a clone of the project."
        raise SteeringError(message)
    target = workspace.directory / "notebooks"
    make_private(target)
    laid = {path.name: _lay(path, target) for path in sorted(source.glob("*.ipynb"))}
    return laid[notebook]


def _lay(shipped: Path, target: Path) -> Path:
    cells = _cells(shipped)
    for place in _names(target, shipped):
        if not place.exists():
            # Never onto a file that somebody makes in this moment.
            with shipped.open("rb") as original, place.open("xb") as copy:
                shutil.copyfileobj(original, copy)
            return place
        if _cells(place) == cells:
            return place
    raise AssertionError


def _names(target: Path, shipped: Path) -> Iterator[Path]:
    yield target / shipped.name
    for number in count(2):
        yield target / f"{shipped.stem}-{number}{shipped.suffix}"


def _cells(notebook: Path) -> list[tuple[str, str]] | None:
    """Return kind and text of a notebook's cells, whatever they have printed; nothing if it is none."""
    try:
        content: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
        return [(str(cell["cell_type"]), "".join(cell["source"])) for cell in content["cells"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
