"""Takes back the changes that were applied last."""

from collections.abc import Mapping

from steering.core.action import SetParameter
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError
from steering.core.status import BeamlineStatus
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import button
from steering_widgets.parts.units import shown_unit
from steering_widgets.parts.wording import several, value_text

# So many steps back are kept.
_KEPT = 20


class UndoButton:
    """Proposes the values that held before the last change of this form; pressed again, those before that.

    Attributes:
        widget: The button; there only while there is something to take back.
        before: The values that each change replaced, by parameter, the newest change last.
    """

    def __init__(self, desk: Desk, answer: Answer) -> None:
        """Begin with nothing to take back; ``answer`` takes what the desk says."""
        self._desk = desk
        self._answer = answer
        self.before: Cell[tuple[Mapping[str, float], ...]] = Cell(())
        self.widget = button("st-undo", "Undo", "Propose the values that held before your last change")
        self.widget.on_click(self._clicked)
        self.widget.layout.display = "none"

    def note(self, before: Mapping[str, float]) -> None:
        """Remember the values that a change replaced, by parameter; one that an agent suggested counts too."""
        if before:
            self.before.set((*self.before.value, dict(before))[-_KEPT:])

    def forget(self) -> None:
        """Begin anew: another run has other values."""
        self.before.set(())

    def show(self, status: BeamlineStatus) -> None:
        """Say what would be put back."""
        last: Mapping[str, float] = self.before.value[-1] if self.before.value else {}
        known = {one.name: one for one in status.parameters}
        words = [f"{name} to {value_text(known[name], value)} {shown_unit(known[name].units)}".strip()
                 for name, value in last.items() if name in known]  # fmt: skip
        display = None if words and status.scanning else "none"
        if self.widget.layout.display != display:
            self.widget.layout.display = display
        text = "Undo" if len(words) < 2 else f"Undo {several(len(words), 'change')}"
        if self.widget.description != text:
            self.widget.description = text
        tooltip = f"Set {', '.join(words)} again"
        if words and self.widget.tooltip != tooltip:
            self.widget.tooltip = tooltip

    def _clicked(self, _: object) -> None:
        if not self.before.value:
            return
        *earlier, last = self.before.value
        left: dict[str, float] = {}
        said: list[str] = []
        for name, value in last.items():
            try:
                ruling = self._desk.propose(SetParameter(name, value), "the last change, to take it back")
            except (SteeringError, TimeoutError) as error:
                left[name] = value
                said.append(str(error) or "The session did not answer in time. Try again.")
                continue
            if not ruling.accepted:
                left[name] = value
                said.append(ruling.reason)
        self.before.set((*earlier, *([left] if left else [])))
        undone = [name for name in last if name not in left]
        self._answer.set((" ".join(said), "error") if said else (f"Taken back: {', '.join(undone)}.", "good"))
