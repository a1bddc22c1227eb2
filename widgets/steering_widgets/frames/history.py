"""Scrolls back through the frames of a run, while it goes on."""

import math
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import ipywidgets

from steering.core.cell import BELLS, Cell
from steering.core.desk import Desk
from steering.core.frame import Frame
from steering.core.history import FrameSpan
from steering_widgets.parts.answer import answer_of
from steering_widgets.parts.place import Place
from steering_widgets.parts.units import shown_unit
from steering_widgets.parts.wording import escape, number

# The slider goes through the kernel's message queue, so it follows the run once a second only.
_FOLLOW_SECONDS = 1.0
_COLUMNS_SHOWN = 8
_DECIMALS = 4


class FrameHistory:
    """A slider over the frames of the run, and whether to follow the newest.

    Attributes:
        widget: The slider; hidden until there is a frame to look at.
        where: Where an older frame was taken.
        live: Whether the newest frame is wanted.
        closely: Whether it is wanted with every pixel too, of which the one that comes live may have lost some.
        whole: The newest frame that was read so; it is read once a second at most.
        frame: The older frame that is shown, once it has been read.
        said: Why the wanted frame cannot be shown, or empty.
    """

    def __init__(self, desk: Desk) -> None:
        """Begin with the newest frame."""
        self._desk = desk
        self._span = Place(desk.board.span)
        self._run = ""
        self._followed = -math.inf
        self._written = (0, True)
        self._wanted: Cell[int | None] = Cell[int | None](None)
        self._choice = Place(self._wanted)
        self._choice.advance()
        # One at a time, off the thread that draws: a file may come late.
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="steering-frame")
        self._reading: Future[Frame] | None = None
        self._due: int | None = None
        self._reads_newest, self._read, self._read_at = False, ("", -1), -math.inf
        self.live, self.closely = True, False
        self.whole: Frame | None = None
        self.frame: Frame | None = None
        self.said = ""
        self._slider = ipywidgets.IntSlider(
            min=0, max=0, description="Frame", tooltip="Index of a frame in the run, from 0", continuous_update=False
        )
        self._slider.add_class("st-history-index")
        self._slider.observe(self._moved, "value")
        self._box = ipywidgets.Checkbox(value=True, description="Live", indent=False, tooltip="Follow the newest frame")
        self._box.add_class("st-history-live")
        self._box.observe(self._ticked, "value")
        bar = ipywidgets.HBox([self._slider, self._box])
        bar.add_class("st-bar-row")
        self.where = ipywidgets.HTML()
        self.where.add_class("st-history-columns")
        self.widget = ipywidgets.VBox([bar])
        self.widget.add_class("st-history")
        self.widget.layout.display = "none"
        self._slider.disabled = self._box.disabled = True

    @property
    def range_text(self) -> str:
        """Which frames there are, in words."""
        span = self._span.value
        return f"{span.first} to {span.stop - 1}"

    @property
    def wanted(self) -> int | None:
        """Index of the older frame that is wanted; ``None`` for the newest."""
        return self._choice.value

    @property
    def count(self) -> int:
        """How many frames the run has so far."""
        return self._span.value.stop

    def refresh(self) -> bool:
        """Read what was chosen, take what has been read, and follow the run; say whether there is something new."""
        moved = self._span.advance()
        if moved and self._span.value.run != self._run:
            # Another run began: what was looked at of the last one is no part of it.
            self._run = self._span.value.run
            self._followed = -math.inf
            self._wanted.set(None)
        chosen = self._choice.advance()
        if chosen:
            self._choose(self._choice.value)
        came = self._take()
        if self._due is not None and self._reading is None:
            self._reading, self._due = self._read_frame(self._due), None
            self._reads_newest = False
        now = time.monotonic()
        self._read_newest(now)
        if chosen or now - self._followed >= _FOLLOW_SECONDS:
            self._followed = now
            self._follow(self._span.value)
        return chosen or came or moved

    def reveal(self) -> None:
        """Show the slider together with the first frame: if it came later, it would push the frame away from a hand."""
        self.widget.layout.display = None

    def choose(self, index: int | None) -> None:
        """Want a frame by its index in the run; ``None`` follows the newest."""
        self._wanted.set(index)

    def step(self, by: int) -> None:
        """Want the frame so many after the one that is looked at; it stays within those that there are."""
        span = self._span.value
        if len(span):
            now = self._wanted.value
            index = (span.stop - 1 if now is None else now) + by
            self.choose(min(max(index, span.first), span.stop - 1))

    def close(self) -> None:
        """Read no more."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _choose(self, index: int | None) -> None:
        self.live, self._due, self.said = index is None, index, ""
        if self.live:
            self.frame = None
            self.where.value = ""

    def _read_newest(self, now: float) -> None:
        """Read the newest frame as it was recorded, while somebody looks closely at it."""
        newest = self._run, self._span.value.stop - 1
        if not (self.live and self.closely) or self._read[0] != self._run:
            self.whole, self._read = None, (self._run, -1)
        due = newest[1] > self._read[1] and now - self._read_at >= _FOLLOW_SECONDS
        if self.live and self.closely and self._reading is None and due:
            self._read_at, self._read, self._reads_newest = now, newest, True
            self._reading = self._read_frame(newest[1])

    def _read_frame(self, index: int) -> Future[Frame]:
        """Read a frame off the thread that draws, which sleeps while it takes long and nothing else happens."""
        reading = self._reader.submit(self._desk.frame_at, index)
        reading.add_done_callback(lambda _: BELLS.ring())
        return reading

    def _take(self) -> bool:
        """Take the frame that has been read, if it is still wanted."""
        if self._reading is None or not self._reading.done():
            return False
        reading, self._reading = self._reading, None
        if self._reads_newest:
            wanted = self.live and self.closely and self._read[0] == self._run
            # Where it cannot be read, the live one is shown as it comes.
            self.whole = reading.result() if wanted and reading.exception() is None else None
            return False
        if self.live or self._due is not None:
            return False
        try:
            self.frame, self.said = reading.result(), ""
            self.where.value = _columns(self.frame.columns, self.frame.units)
        except Exception as error:  # noqa: BLE001  (a file may hold anything, and the slider must go on)
            self.frame, self.said = None, answer_of(error)
            self.where.value = ""
        return True

    def _follow(self, span: FrameSpan) -> None:
        """Set the slider to the frames that there are, and to the newest of them if that is followed."""
        # Between two runs it stays where it is, so that nothing on the page jumps.
        self._slider.disabled = self._box.disabled = not len(span)
        if not len(span):
            return
        last = max(span.stop - 1, 0)
        index = last if self.live else self._choice.value or 0
        low, high = min(span.first, index), max(last, index)
        self._written = (index, self.live)
        # Wider first and narrower last, so that the value is never out of range: the slider would move by itself.
        self._slider.max = max(self._slider.max, high)
        self._slider.min = min(self._slider.min, low)
        self._slider.value = index
        self._slider.min, self._slider.max = low, high
        self._box.value = self.live

    def _moved(self, change: Mapping[str, object]) -> None:
        if isinstance(change["new"], int) and change["new"] != self._written[0]:
            self._wanted.set(change["new"])

    def _ticked(self, change: Mapping[str, object]) -> None:
        if change["new"] == self._written[1]:
            return
        self._wanted.set(None if change["new"] else self._slider.value)


def places_of(columns: Mapping[str, float], units: Mapping[str, str]) -> list[str]:
    """Write in words where a frame was taken: ``th 0.22 °``."""
    return [
        f"{name} {number(columns[name], _DECIMALS)} {shown_unit(units.get(name, ''))}".strip()
        for name in _shown(columns)
    ]


def _shown(columns: Mapping[str, float]) -> list[str]:
    """Name the columns that a person reads: what varies from frame to frame are motors and counters."""
    return [name for name in columns if not name.endswith("_step") and name != "grid"][:_COLUMNS_SHOWN]


def _columns(columns: Mapping[str, float], units: Mapping[str, str]) -> str:
    """Write where a frame was taken, as a table."""
    shown = _shown(columns)
    parts = [
        f"<div><dt>{escape(name)}</dt><dd>{number(columns[name], _DECIMALS)} {escape(unit)}</dd></div>"
        for name, unit in ((name, shown_unit(units.get(name, ""))) for name in shown)
    ]
    return f'<dl class="st-features">{"".join(parts)}</dl>' if parts else ""
