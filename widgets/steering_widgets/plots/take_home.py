"""A panel's numbers as CSV, beside the notebook."""

import json
from collections.abc import Callable
from pathlib import Path

import ipywidgets

from steering.archive.past import exports_folder
from steering.core.desk import Desk
from steering.core.errors import SteeringError
from steering.core.result import Result
from steering_widgets.drawing.kept_file import Table, write_table
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Line, button
from steering_widgets.parts.place import Place


class TakeHome:
    """A button that writes what a plot shows, and a line that says where it lies.

    Attributes:
        widget: Both, for the row above the plot.
    """

    def __init__(self, name: str, desk: Desk, table: Callable[[], Table | None]) -> None:
        """Build it.

        Args:
            name: The plot's, in the CSS hook ``st-{name}-csv`` and in the name of the file.
            desk: Says where exports are written.
            table: Gives what is shown now, ``None`` if that is nothing; called from the kernel's thread.
        """
        self._name, self._desk, self._table = name, desk, table
        self._answer = Answer()
        self._said = Place(self._answer)
        self._line = Line(f"st-{name}-written")
        take = button(f"st-{name}-csv", "CSV", "Write the numbers of this plot beside the notebook")
        take.on_click(lambda _: self._take())
        self.widget = ipywidgets.Box([take, self._line])
        self.widget.add_class("st-take-home")

    def refresh(self) -> bool:
        """Say what came of a press, if there was one."""
        said = self._said.advance()
        if said:
            self._line.write(*self._said.value)
        return said

    def _take(self) -> None:
        written: list[Path] = []

        def write() -> None:
            table = self._table()
            if table is None:
                message = "Nothing is shown yet, so nothing was written."
                raise SteeringError(message)
            past = getattr(self._desk, "past", None)
            folder = past.folder if past is not None else exports_folder(Path.cwd())
            written.append(write_table(folder, self._name, table))

        if self._answer.ask(write):
            path, here = written[0], Path.cwd()
            shown = path.relative_to(here) if path.is_relative_to(here) else path
            self._answer.set((f"Written: {shown}", "good"))


def about(result: Result) -> dict[str, object]:
    """Say of what run and analysis numbers are."""
    source = result.provenance
    return {
        "run": source.run,
        "analysis": f"{source.analysis} {source.code_version}",
        "parameters": json.dumps(dict(source.parameters)),
        "frames": source.frames,
        "version": result.version,
    }
