"""A detector image in a notebook, as fast as the page can paint and never behind it.

Pixels are binned to what a view shows and mapped to 8 bit in the kernel, and travel as binary custom messages (synced
traits would land in the saved notebook). A view acknowledges what it has painted; at most two frames are under way to
it, and the newest always wins. Counts under the cursor are asked of the kernel, so they are true, whatever the
screen shows; and zooming in sends that part unbinned.
"""

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import traitlets

from steering.core.cell import Cell
from steering.core.errors import SteeringError
from steering.core.frame import Frame
from steering_widgets.drawing.colours import PALETTES
from steering_widgets.drawing.kept_file import write_picture
from steering_widgets.frames.flow import Flow, Pulse, Sending, Window
from steering_widgets.frames.kept_limits import KeptLimits, Limits
from steering_widgets.frames.limits import SCALES, Levels
from steering_widgets.frames.marks import mark
from steering_widgets.frames.picture import (
    Drawing,
    make_closer,
    make_picture,
    make_profiles,
    scaled,
    squares_seen,
    within,
)
from steering_widgets.frames.regions import checked
from steering_widgets.parts.heard import NUMBERS_CODE, HeardWidget, code

_HERE = Path(__file__).parent
_LOG = logging.getLogger(__name__)
_SETTINGS = ("colour_map", "scale", "auto_low", "auto_high", "locked", "low", "high", "saturation")
_FRAME = ("scale", "window", "regions", "picture", "marks", "geometry", "large", "profiles")
_CANVAS = (*(f"frame_{name}.js" for name in _FRAME), "elements.js", "histogram.js")
_CODE = ("limits.js", "image.js")


class ImageView(HeardWidget):
    """Shows the newest frame, in any number of views.

    Attributes:
        colour_map: One of ``colours.PALETTES``.
        scale: Steps between the limits: one of ``limits.SCALES``.
        auto_low: Whether the darkest counts are found in each frame.
        auto_high: Whether the brightest counts are found in each frame.
        locked: Whether the limits stay as they are when other frames come.
        low: Counts drawn darkest, unless they are found.
        high: Counts drawn brightest, unless they are found.
        saturation: Counts from which on a pixel is saturated; ``None`` is the largest number of whole pixels.
        profiles: Whether the counts along the row and the column of the cursor are drawn.
        regions: Parts of the frame that analyses look at or leave out, in the detector's pixels: each has ``name``,
            ``rows`` and ``columns`` (the first and the one after the last), ``masked`` (left out) and ``draft``.
        caption: Which frame is shown and where it was taken, for who sees nothing but it.
        taken: When its exposure ended, as Unix time in seconds; 0 where that is not known.
        called: What files of it are called, without the ending.
        geometry: Where the detector stands, as the numbers of :class:`steering.geometry.geometry.Geometry`; ``None`` if
            nobody has said it.
        folder: Where pictures of it are written; ``None`` lets the browser keep them.
        drawing: Whether the next drag draws a region, instead of moving what is seen.
        drawn: The newest region that a person has drawn, in the detector's pixels: ``rows`` and ``columns``, each the
            first and the one after the last.
        steps: By how many frames a person has asked to go on, and back, in all.
        follows: How often a person has asked for the newest frame.
    """

    _esm = code(
        NUMBERS_CODE, *(_HERE.with_name("canvas") / name for name in _CANVAS), *(_HERE / name for name in _CODE)
    )
    _css = _HERE / "image.css"
    colour_maps = traitlets.List(traitlets.Unicode(), list(PALETTES)).tag(sync=True)
    colour_map = traitlets.Enum(list(PALETTES), "viridis").tag(sync=True)
    scale = traitlets.Enum(SCALES, "linear").tag(sync=True)
    auto_low = traitlets.Bool(default_value=True).tag(sync=True)
    auto_high = traitlets.Bool(default_value=True).tag(sync=True)
    locked = traitlets.Bool(default_value=False).tag(sync=True)
    low = traitlets.Float(0.0).tag(sync=True)
    high = traitlets.Float(1.0).tag(sync=True)
    saturation = traitlets.Float(None, allow_none=True).tag(sync=True)
    units = traitlets.Unicode("counts").tag(sync=True)
    profiles = traitlets.Bool(default_value=False).tag(sync=True)
    regions = traitlets.List(traitlets.Dict()).tag(sync=True)
    label = traitlets.Unicode("Detector frame").tag(sync=True)
    caption = traitlets.Unicode().tag(sync=True)
    taken = traitlets.Float(0.0).tag(sync=True)
    called = traitlets.Unicode("frame").tag(sync=True)
    geometry = traitlets.Instance(dict, allow_none=True).tag(sync=True)
    drawing = traitlets.Bool(default_value=False).tag(sync=True)

    def __init__(self, *, label: str = "Detector frame", units: str = "counts") -> None:
        """Begin without a frame.

        Args:
            label: What is shown, for screen readers.
            units: Unit of the pixels.
        """
        super().__init__(label=label, units=units)
        self.drawn: Cell[dict[str, list[int]] | None] = Cell(None)
        self.steps, self.follows = Cell(0), Cell(0)
        self.folder: Path | None = None
        self._lock = RLock()
        self._frame: Frame | None = None
        self._marked: tuple[int, Frame] | None = None
        self._read: Frame | None = None
        self._whole: Frame | None = None
        self._looked = 0
        self._levels: Levels | None = None
        self._held = False
        self._kept, self._choosing = KeptLimits(), False
        self._version = 0
        self._serial = 0
        self._flows: dict[str, Flow] = {}
        self._pulse = Pulse()
        self.on_msg(self._receive)
        self.observe(self._settings_changed, list(_SETTINGS))

    @traitlets.validate("low", "high", "saturation")
    def _check_counts(self, proposal: Mapping[str, Any]) -> float | None:
        value = proposal["value"]
        if value is None or math.isfinite(value):
            return value
        name = proposal["trait"].name
        message = f"{name} = {value} {self.units} is no number of counts. Give a finite number, as image.{name} = 100."
        raise traitlets.TraitError(message)

    @traitlets.validate("regions")
    def _check_regions(self, proposal: Mapping[str, Any]) -> list[dict[str, object]]:
        try:
            return checked(proposal["value"])
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from error

    def show(self, frame: Frame) -> None:
        """Show a frame; returns at once, whether or not a view can take it now."""
        with self._lock:
            self._choose_limits(frame)
            self._frame = frame
            self._version += 1
        self.pump()

    def look_closer(self, whole: Frame | None) -> None:
        """Show a frame with every pixel where the squares of the binned one would be seen; ``None`` shows those."""
        with self._lock:
            if whole is self._read:
                return
            self._read = whole
            self._mark_whole()
        self.pump()

    def _mark_whole(self) -> None:
        self._whole = None if self._read is None else mark(self._read, self.saturation)
        self._looked += 1

    @property
    def seen_closely(self) -> bool:
        """Whether a view is zoomed so far into a binned frame that its squares are seen."""
        with self._lock:
            frame, flows = self._frame, self._flows.values()
            return frame is not None and any(flow.visible and _sees_squares(flow, frame) for flow in flows)

    def tell(self, caption: str, taken: float, called: str = "frame") -> None:
        """Say which frame is shown, when its exposure ended (Unix time in seconds, or NaN), and what its files are."""
        self.caption, self.taken, self.called = caption, taken if math.isfinite(taken) else 0.0, called

    def pump(self) -> None:
        """Send the newest frame to each view that can take it and has not got it."""
        now = time.monotonic()
        with self._lock:
            frame = self._frame
            blocked = self._pulse.blocked(now)
            for view in [view for view, flow in self._flows.items() if flow.gone(now, blocked=blocked)]:
                del self._flows[view]
                self.send({"kind": "forgotten", "view": view})
            if frame is None:
                return
            for view, flow in self._flows.items():
                newest = self._version if self._closer(flow) is None else ("whole", self._looked)
                if flow.wants(newest, now) and flow.ready(now, blocked=blocked):
                    self._serial += 1
                    self._send_image(view, flow, flow.sent(self._serial, now, newest))
            self._hold()

    @property
    def views(self) -> int:
        """How many views are known."""
        return len(self._flows)

    def _shown(self) -> Frame:
        """Give the newest frame with its marks, which are made once a frame and only if somebody sees it."""
        frame = self._frame
        if frame is None:
            message = "there is no frame yet"
            raise ValueError(message)
        if self._marked is None or self._marked[0] != self._version:
            self._marked = (self._version, mark(frame, self.saturation))
        return self._marked[1]

    def _closer(self, flow: Flow | None) -> Frame | None:
        """Give the frame with every pixel, if it is there and a view would else see squares."""
        frame, whole = self._frame, self._whole
        if frame is None or whole is None or flow is None or not _sees_squares(flow, frame):
            return None
        fits = tuple(-(-side // frame.binning) for side in whole.pixels.shape) == frame.pixels.shape
        return whole if fits else None

    def _send_image(self, view: str, flow: Flow, going: Sending) -> None:
        fixed = self.locked and self._held
        low = self.low if fixed or not self.auto_low else None
        high = self.high if fixed or not self.auto_high else None
        drawing = Drawing(self.colour_map, self.scale, low, high)
        whole, shown, size = self._closer(flow), self._shown(), (flow.width, flow.height)
        if whole is None:
            picture = make_picture(shown, flow.window, size, drawing, counted=going.counts)
        else:
            picture = make_closer(whole, shown, flow.window, size, drawing, counted=going.counts)
        self._levels = picture.levels
        header = {"kind": "image", "view": view, "serial": self._serial, "asks": going.asks, "units": self.units}
        self.send({**header, **picture.header}, picture.buffers)

    def _choose_limits(self, frame: Frame) -> None:
        """Take the limits of the frame's detector, if it is another one than before."""
        wanted = self._kept.change(frame, Limits(**{one.name: getattr(self, one.name) for one in fields(Limits)}))
        if wanted is None:
            return
        self._choosing = True
        try:
            with self.hold_trait_notifications():
                for name, value in asdict(wanted).items():
                    setattr(self, name, value)
        finally:
            self._choosing = False
        self._held, self._levels = wanted.locked, None

    def _hold(self) -> None:
        """Keep the limits that are seen, once a person has locked them."""
        if not self.locked or self._held or self._levels is None:
            return
        self._held = True
        with self.hold_trait_notifications():
            self.low, self.high = self._levels.low, self._levels.high

    def _settings_changed(self, change: Mapping[str, Any]) -> None:
        if self._choosing:
            # They are the next frame's, and no wish of a person.
            return
        with self._lock:
            if change["name"] == "locked":
                self._held = False
            self._version += 1
            self._mark_whole()
            for flow in self._flows.values():
                flow.counted_at = -math.inf
        self.pump()

    def _receive(self, _: object, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        try:
            if content["kind"] == "picture":
                self._keep_picture(str(content["view"]), bytes(buffers[0]))
                return
            self._take(content)
        except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            _LOG.warning("an image view sent a message that cannot be read: %r (%s)", content, error)
        self.pump()

    def _keep_picture(self, view: str, png: bytes) -> None:
        """Write a picture that a view has drawn of what it shows, and say where it lies."""
        answer = {"kind": "written", "view": view}
        try:
            if self.folder is None:
                self.send({**answer, "text": "", "done": False})
                return
            path = write_picture(self.folder, self.called, png)
        except SteeringError as error:
            self.send({**answer, "text": str(error), "done": False})
        else:
            self.send({**answer, "text": f"Written: {path}", "done": True})

    def _take(self, content: Mapping[str, Any]) -> None:
        view = str(content["view"])
        with self._lock:
            match content["kind"]:
                case "view":
                    self._take_view(view, content)
                case "painted":
                    if view in self._flows:
                        self._flows[view].acknowledged(int(content["serial"]), time.monotonic())
                case "probe":
                    self._answer_probe(view, float(content["row"]), float(content["column"]))
                case "step":
                    self.steps.set(self.steps.value + (1 if int(content["by"]) > 0 else -1))
                case "newest":
                    self.follows.set(self.follows.value + 1)
                case "drawn":
                    self._take_drawn([int(content[side]) for side in ("top", "bottom", "left", "right")])
                case "exact":
                    self._send_exact(view)
                case "bye":
                    self._flows.pop(view, None)
                case other:
                    _LOG.warning("an image view sent a message of unknown kind %r", other)

    def _take_view(self, view: str, content: Mapping[str, Any]) -> None:
        window = Window(*(int(value) for value in content["window"]))
        flow = self._flows.get(view)
        if flow is None:
            flow = self._flows[view] = Flow(0.0, 0.0, visible=False, window=window)
        wants = (float(content["width"]), float(content["height"]), window)
        if wants != (flow.width, flow.height, flow.window):
            flow.width, flow.height, flow.window = wants
            flow.shown, flow.counted_at = None, -math.inf
        flow.visible = bool(content["visible"])
        flow.waited = math.nan
        self.send({"kind": "known", "view": view})

    def _take_drawn(self, sides: Sequence[int]) -> None:
        """Keep a region that was drawn; what the frame was binned by before it came is undone."""
        self.drawing = False
        frame = self._frame
        if frame is None:
            return
        high, wide = frame.pixels.shape
        top, bottom, left, right = sides
        if 0 <= top < bottom <= high and 0 <= left < right <= wide:
            pitch = frame.binning
            self.drawn.set({"rows": [top * pitch, bottom * pitch], "columns": [left * pitch, right * pitch]})

    def _answer_probe(self, view: str, asked_row: float, asked_column: float) -> None:
        """Say what a pixel holds; where every pixel is shown a place is a part of a square of the binned frame."""
        if self._frame is None:
            return
        flow = self._flows.get(view)
        whole = self._closer(flow)
        frame, factor = (self._shown(), 1) if whole is None else (whole, self._frame.binning)
        # Half of a thousandth: what the page divides by the binning comes back a little less.
        row, column = (math.floor(asked * factor + 0.0005) for asked in (asked_row, asked_column))
        if not (0 <= row < frame.pixels.shape[0] and 0 <= column < frame.pixels.shape[1]):
            return
        kind = 0 if frame.marks is None else int(frame.marks[row, column])
        # As text: JSON knows no NaN, and a 64-bit count is longer than a JavaScript number is exact.
        value = str(frame.pixels[row, column].item()) if kind == 0 else ""
        lines: list[bytes] = []
        if self.profiles and flow is not None:
            window = scaled(within(flow.window, self._frame.pixels.shape), factor)
            lines = make_profiles(frame, window, row, column)
        message = {"kind": "value", "view": view, "row": asked_row, "column": asked_column}
        message |= {"value": value, "mark": kind, "grain": factor}
        self.send({**message, "number": frame.number}, lines)

    def _send_exact(self, view: str) -> None:
        frame = self._frame
        if frame is not None:
            pixels = np.ascontiguousarray(frame.pixels)
            kind = {"kind": "exact", "view": view, "number": frame.number, "type": pixels.dtype.str}
            self.send({**kind, "shape": list(pixels.shape)}, [pixels.tobytes()])


def _sees_squares(flow: Flow, frame: Frame) -> bool:
    # The whole of a frame is looked at for how it goes, and so as it comes live.
    return frame.binning > 1 and flow.window.rows > 0 and squares_seen(frame, flow.window, (flow.width, flow.height))
