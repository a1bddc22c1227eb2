"""Says, above the plots, that they show a run of the record and not the beamline, and leads back."""

from typing import cast

from steering.archive.past import RECORD, PastDesk
from steering.core.desk import Desk
from steering_widgets.parts.answer import Answer
from steering_widgets.parts.card import Card, Line, button, close_all
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import several


class ShownRun:
    """A strip that is there only while a run of the record is shown: which, and how far its analysis is."""

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, hidden while the beamline is shown."""
        self._source, self._result = Place(desk.board.source), Place(desk.board.result)
        self._runs = Place(desk.board.runs)
        self._answer = Answer()
        self._said = Place(self._answer)
        self._about = Line("st-shown-about")
        self._back = button("st-shown-back", "Back to the beamline", "Show what the beamline measures again")
        self._back.on_click(lambda _: self._answer.ask(cast("PastDesk", desk).unfollow))
        self.widget = Card("shown", "From the record", [self._about, self._back])
        self.widget.layout.display = "none"

    def refresh(self) -> bool:
        """Say what is shown now."""
        news = [place.advance() for place in (self._source, self._result, self._runs)]
        said = self._said.advance()
        if any(news):
            self._show()
        if said:
            self.widget.say(*self._said.value)
        return any((*news, said))

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)

    def _show(self) -> None:
        source, result, runs = self._source.value, self._result.value, self._runs.value
        display = None if source.name == RECORD else "none"
        if self.widget.layout.display != display:
            self.widget.layout.display = display
        if display is not None:
            return
        run = runs[-1] if runs else None
        frames = result.provenance.frames if result is not None else 0
        everything = source.status.frames
        over = source.status.state == "ended" and frames == everything
        done = f"all {several(frames, 'frame')} analysed" if over else f"{frames} of {everything} frames analysed"
        name = f"{run.plan or 'run'}, {run.uid[:8]}" if run is not None else "a run"
        # What is given up in the middle is cancelled.
        text = "Back to the beamline" if over else "Cancel"
        if self._back.description != text:
            self._back.description = text
        self._about.write(f"{name}: {done}. The beamline is not shown, and goes on.")
