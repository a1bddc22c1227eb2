"""The newest detector frame, or an older one of the run."""

import math
import time
from pathlib import Path

from steering.archive.past import RECORD, exports_folder
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.frame import Frame
from steering_widgets.frames.history import FrameHistory, places_of
from steering_widgets.frames.image import ImageView
from steering_widgets.frames.stands import Stands
from steering_widgets.parts.card import Card, close_all
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import age, clock, escape, value_text

_REMARK_SECONDS = 1.0
_LONG_SECONDS = 3600.0
_HINT = "The first frame appears here. A scan that reads no detector has none."


class FramePanel:
    """Shows the newest frame and its age; or the one that was chosen, with where it was taken."""

    def __init__(self, desk: Desk, point: Cell[int | None] | None = None) -> None:
        """Build it on a desk, which may be idle.

        Args:
            desk: Whose frames.
            point: Index of the frame whose point a person touched in a plot; that frame is then shown.
        """
        self.image = ImageView(label="Detector frame")
        self._history = FrameHistory(desk)
        past = getattr(desk, "past", None)
        self.image.folder = past.folder if past is not None else exports_folder(Path.cwd())
        # The slider above the frame: it stays on a small screen.
        self.widget = Card("frame", "Detector frame", [self._history.widget, self.image, self._history.where])
        self._plan, self._status = desk.board.plan, desk.board.status
        self._source, self._span = desk.board.source, desk.board.span
        self._frame, self._stands = Place(desk.board.frame), Stands(desk.board)
        self._remarked = float("-inf")
        self._told: tuple[Frame, int] | None = None
        self._live = True
        self._touched = point if point is not None else Cell[int | None](None)
        self._point = Place(self._touched)
        self._steps, self._follows = Place(self.image.steps), Place(self.image.follows)
        self._stepped = 0
        for place in (self._point, self._steps, self._follows):
            # What was there before is no wish of now.
            place.advance()

    def refresh(self) -> bool:
        """Show a newer frame or an older one, whichever is wanted, if there is one."""
        self._listen()
        self._stands.refresh()
        self.image.geometry = self._stands.numbers
        self._history.closely = self.image.seen_closely
        changed, older = self._frame.advance(), self._history.refresh()
        self._mark()
        self.image.look_closer(self._history.whole)
        if older:
            self.widget.say(self._history.said)
        if not self._history.live:
            self._live = False
            if older and self._history.frame is not None:
                self._show_older(self._history.frame)
            else:
                self.image.pump()
            return changed or older
        back, self._live = not self._live, True
        return self._show_newest(changed=changed or back) or older

    def _listen(self) -> None:
        """Pass on which frame a person asked for: by a key on the image, or by touching a point of a plot."""
        if self._steps.advance():
            self._history.step(self._steps.value - self._stepped)
            self._stepped = self._steps.value
        if self._point.advance() and self._point.value is not None:
            self._history.choose(self._point.value)
        if self._follows.advance():
            self._history.choose(None)

    def _mark(self) -> None:
        """Mark in the plots the point of the older frame that is looked at, whoever chose it; none for the newest."""
        wanted = self._history.wanted
        if self._touched.value != self._point.value or wanted == self._point.value:
            # What has just been touched comes first.
            return
        self._touched.set(wanted)
        self._point.advance()

    def close(self) -> None:
        """Take it off the screen, and wait for no frame any more."""
        self._history.close()
        close_all(self.widget)

    def _reveal(self) -> None:
        """Show the image from the first frame on: without one it is an empty square."""
        self._history.reveal()
        if self.image.layout.display is not None:
            self.image.layout.display = None
            self.widget.say("")

    def _show_older(self, frame: Frame) -> None:
        # The words of the newest frame come at once when it is followed again.
        self._told, self._remarked = None, float("-inf")
        self._reveal()
        self.image.show(frame)
        taken = f", at {clock(frame.time)}" if frame.time == frame.time else ""
        which = f"frame {frame.number} of {self._history.range_text}{self._earlier_run()}"
        said = ", ".join([which, *places_of(frame.columns, frame.units)])
        self.widget.remark(f"{escape(said)}{taken}")
        self.image.tell(said, frame.time, f"frame-{frame.number}{self._of_run()}")

    def _show_newest(self, *, changed: bool) -> bool:
        frame, now = self._frame.value, time.monotonic()
        if frame is None:
            self.image.layout.display = "none"
            self.widget.remark("no frame yet")
            if not self._history.said:
                self.widget.say(_HINT, "plain")
            return changed
        self._reveal()
        if changed:
            self.image.show(frame)
        else:
            self.image.pump()
        # A point is done a moment after its frame has come, which may be the last for long.
        told = self._told is not None and self._told[0] is frame and self._told[1] == self._status.value.points_done
        if not told and now - self._remarked >= _REMARK_SECONDS:
            # The text goes through the kernel's message queue, so it follows the pixels once a second only.
            self._remarked, self._told = now, (frame, self._status.value.points_done)
            # The age first: on a narrow page what stands behind it is cut off.
            behind = "".join(f"; {one}" for one in self._last_point())
            self.widget.remark(f"newest frame{self._earlier_run()}", f"{_when(frame.time)}{escape(behind)}")
            # Counted as the slider does. The detector's own number goes on from run to run.
            of = f" of {self._history.count}" if self._history.count else ""
            said = ", ".join([f"newest frame{of}{self._earlier_run()}", *self._last_point()])
            self.image.tell(said, frame.time, f"newest-frame{self._of_run()}")
        return changed

    def _earlier_run(self) -> str:
        """Name the run whose frames are shown, if that is not the beamline's own."""
        shown = self._source.value.name == RECORD
        return f" of run {self._span.value.run[:8]}" if shown and self._span.value.run else ""

    def _of_run(self) -> str:
        """Name the run in what a file is called; frames that belong to none are called without."""
        run = self._span.value.run[:8]
        return f"-of-run-{run}" if run else ""

    def _last_point(self) -> list[str]:
        """Say where and how long the last point of the running scan was measured; the newest frame may be one on."""
        plan, status = self._plan.value, self._status.value
        if self._source.value.name == RECORD or not (
            plan.known and status.scanning and plan.run == status.run and status.points_done
        ):
            return []
        units = {name: axis.units for name, axis in status.axes.items()}
        columns = dict(zip(plan.axes, plan.at(status.points_done - 1), strict=True))
        exposed = next((one for one in status.parameters if one.name == "exposure"), None)
        long = [f"exposure {value_text(exposed, exposed.value)} {exposed.units}"] if exposed is not None else []
        return [f"last point at {', '.join(places_of(columns, units))}", *long]


def _when(moment: float) -> str:
    """Say in HTML when a frame was taken; nothing where its source does not know."""
    if not math.isfinite(moment):
        return ""
    # The page counts on, and greys a frame after which none comes while a scan runs.
    counted = age(moment).replace("st-age", "st-age st-news", 1)
    said = f"{counted} ago" if abs(time.time() - moment) < _LONG_SECONDS else escape(f"at {clock(moment)}")
    return f", {said}"
