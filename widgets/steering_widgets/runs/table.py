"""The table of runs: rows that a mouse, a finger or the keyboard chooses; see ``table.js``."""

import base64
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import traitlets

from steering.archive.run_entry import RunEntry
from steering.core.cell import Cell
from steering.core.status import BeamlineState
from steering_widgets.drawing.colours import colour_bytes
from steering_widgets.parts.heard import HeardWidget, code
from steering_widgets.parts.wording import ENDS, STATES, feature_text, title

_HERE = Path(__file__).parent
_LOG = logging.getLogger(__name__)
# The features that a person looks for first; of others the first ones.
_FIRST = ("peak", "fwhm", "centre_of_mass", "maximum")
_FEATURES_SHOWN = 2
# Of the small curve, in pixels.
WIDTH, HEIGHT = 96, 24
_UID = re.compile(r"[\w.-]{4,100}")


class RunTable(HeardWidget):
    """Rows of runs, of which a person chooses one or two.

    Attributes:
        chosen: Uids of the chosen rows, in the order in which they were chosen.
        opened: Uid of the run that the page's address names; empty if it names none.
    """

    _esm = code(_HERE / "table.js")
    _css = _HERE / "table.css"
    rows = traitlets.List[dict[str, Any]]().tag(sync=True)
    picked = traitlets.List(traitlets.Unicode()).tag(sync=True)
    empty = traitlets.Unicode("").tag(sync=True)
    written = traitlets.Dict().tag(sync=True)
    counted = traitlets.Dict().tag(sync=True)
    colours = traitlets.Unicode(base64.b64encode(colour_bytes("viridis")).decode()).tag(sync=True)

    def __init__(self) -> None:
        """Begin without rows."""
        super().__init__()
        self.add_class("st-run-table")
        self.chosen: Cell[tuple[str, ...]] = Cell(())
        self.opened: Cell[str] = Cell("")
        self._asked = ""
        self.observe(self._picked, "picked")
        self.on_msg(self._receive)

    def show(self, entries: Sequence[RunEntry], running: str, empty: str, state: BeamlineState = "running") -> None:
        """Show runs.

        Args:
            entries: The newest first.
            running: Uid of the run that goes on.
            empty: What stands there if there are none.
            state: Of the beamline, for the run that goes on.
        """
        self.empty = empty
        self.rows = [row_of(entry, state if entry.uid == running else "") for entry in entries]

    def count(self, uid: str, points: int) -> None:
        """Say how many points the run that goes on has so far."""
        self.counted = {"uid": uid, "points": str(points)}

    def show_written(self, paths: Sequence[Path]) -> None:
        """Offer the files that were written, if the page's server has them."""
        self.written = {"paths": [str(path) for path in paths], "home": str(Path.home())}

    def _picked(self, change: Mapping[str, Any]) -> None:
        self.chosen.set(tuple(change["new"]))

    def _receive(self, _: object, content: object, buffers: object) -> None:
        del buffers
        nothing: Mapping[str, object] = {}
        said = cast("Mapping[str, object]", content) if isinstance(content, Mapping) else nothing
        run, ask = said.get("run"), said.get("ask")
        if not (isinstance(run, str) and _UID.fullmatch(run) and isinstance(ask, str) and _UID.fullmatch(ask)):
            _LOG.warning("the table of runs was sent what names no run: %.100r", run)
            return
        # A page says it until it is heard, and may say it once more on the way.
        if ask != self._asked:
            self._asked = ask
            self.opened.set(run)
        self.send({"ask": ask})


def row_of(entry: RunEntry, state: str) -> dict[str, Any]:
    """Write a run as the page shows it.

    Args:
        entry: The run.
        state: Of the beamline, if this is the run that goes on; else empty.
    """
    goes_on = bool(state) and entry.status == "unfinished"
    order = [name for name in _FIRST if name in entry.features]
    order += [name for name in entry.features if name not in order]
    return {
        "uid": entry.uid,
        "when": entry.date[:16] or "not known",
        "scan": f"{entry.scan or 'no name'}{f' {entry.number}' if entry.number else ''}",
        "sample": entry.sample,
        "status": "running" if goes_on else entry.status,
        "said": STATES.get(state, state).lower() if goes_on else ENDS[entry.status],
        "points": str(entry.points) if entry.points >= 0 else "",
        "features": [[title(name), feature_text(entry.features[name])] for name in order[:_FEATURES_SHOWN]],
        "curve": path_of(entry.curve),
        "columns": entry.picture.columns,
        "levels": base64.b64encode(entry.picture.levels).decode(),
    }


def path_of(curve: Sequence[tuple[float, float]]) -> str:
    """Draw a small curve as an SVG path in a box of :data:`WIDTH` by :data:`HEIGHT` pixels; empty if there is none."""
    points = [f"{1 + x * (WIDTH - 2):.1f} {HEIGHT - 1 - y * (HEIGHT - 2):.1f}" for x, y in curve]
    return f"M{'L'.join(points)}" if points else ""
