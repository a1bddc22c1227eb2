"""Choose a scan and its first parameters, and start it."""

import ipywidgets

from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.status import ScanDescription
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import button, close_all
from steering_widgets.parts.entry import Entry, entry_for
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import value_text


class StartForm:
    """A menu of scans, one field a parameter, and Start."""

    def __init__(self, desk: Desk, answer: Answer) -> None:
        """Build it; ``answer`` takes what the desk says."""
        self._desk = desk
        self._answer = answer
        self._scans: dict[str, ScanDescription] = {}
        self._chosen: Cell[str] = Cell("")
        self._choice = Place(self._chosen)
        self._menu = ipywidgets.Dropdown(description="Scan")
        self._menu.add_class("st-scan")
        self._menu.observe(self._choose, "value")
        self._made: dict[ScanDescription, dict[str, Entry]] = {}
        self._fields = ipywidgets.Box()
        self._fields.add_class("st-start-fields")
        self._start = button("st-start", "Start", "Start this scan; you take the lease with it", strong=True)
        self._start.on_click(self._clicked)
        top = ipywidgets.HBox([self._menu, self._start])
        top.add_class("st-start-top")
        self.widget = ipywidgets.VBox([top, self._fields])
        self.widget.add_class("st-start-form")

    def write_scans(self, scans: tuple[ScanDescription, ...]) -> None:
        """Offer scans."""
        self._scans = {scan.name: scan for scan in scans}
        # Made once: a page may still be drawing fields that are replaced, so none is closed before the end.
        self._made |= {scan: _entries(scan) for scan in scans if scan not in self._made}
        options = [(scan.title, scan.name) for scan in scans]
        if tuple(options) != tuple(self._menu.options):
            self._menu.options = options
            if self._menu.value is None and options:
                self._menu.value = options[0][1]
        self._start.disabled = not scans
        self._choice.advance()  # what this method chose is shown by it
        self._build()

    def refresh(self) -> bool:
        """Show the parameters of a newly chosen scan."""
        if not self._choice.advance():
            return False
        self._build()
        return True

    def close(self) -> None:
        """Close the fields that are not shown now."""
        for entries in self._made.values():
            for entry in entries.values():
                close_all(entry)

    def _build(self) -> None:
        scan = self._scans.get(str(self._menu.value))
        shown = tuple(self._made[scan].values()) if scan is not None else ()
        if shown != self._fields.children:
            self._fields.children = shown

    def _choose(self, _: object) -> None:
        self._chosen.set(str(self._menu.value))

    def _clicked(self, _: object) -> None:
        scan = self._scans.get(str(self._menu.value))
        if scan is None:
            self._answer.set(("No scan is offered yet. Wait for the beamline service.", "warn"))
            return

        def start() -> str:
            defaults = {item.name: value_text(item, item.value) for item in scan.parameters}
            # This scan's own fields, which need not be those on the screen yet when the clicks are quick.
            entries = self._made[scan]
            values = {name: entry.number() for name, entry in entries.items() if entry.text != defaults.get(name)}
            return self._desk.start(scan.name, **values)

        self._answer.ask(start, f"{scan.title} has started.")


def _entries(scan: ScanDescription) -> dict[str, Entry]:
    return {item.name: entry_for(f"st-start-{item.name}", item) for item in scan.parameters}
