"""A page in a tab of JupyterLab that it fills, beside the notebook's own."""

from typing import Any, Literal, TypeAlias

import ipywidgets
from sidecar import Sidecar

Place: TypeAlias = Literal["tab-after", "tab-before", "split-right", "split-left", "split-top", "split-bottom"]


class Window:
    """A tab with one widget in it. Every page that shows the kernel's widgets has it, after a reload too."""

    def __init__(self, widget: ipywidgets.Widget, title: str, place: Place) -> None:
        """Open it.

        Args:
            widget: What it shows.
            title: What stands on the tab.
            place: A tab of its own after the one that is looked at, or beside what is there.
        """
        data: Any = widget._repr_mimebundle_()
        shown: Any = {"output_type": "display_data", "data": data, "metadata": {}}
        self._tab: Any = Sidecar(title=title, anchor=place, outputs=(shown,))

    def close(self) -> None:
        """Close the tab; what it showed lives on."""
        self._tab.layout.close()
        self._tab.close()
