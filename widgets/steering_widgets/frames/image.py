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
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import traitlets

from steering.core.cell import Cell
from steering.core.frame import Frame
from steering.readers.eye import all_bad, bin_maximum
from steering_widgets.drawing.colours import PALETTES, colour_bytes
from steering_widgets.frames.flow import Flow, Pulse, Window
from steering_widgets.frames.pixels import binning_of, find_levels, native, to_bytes
from steering_widgets.parts.heard import NUMBERS_CODE, HeardWidget, code

_HERE = Path(__file__).parent
_LOG = logging.getLogger(__name__)


class ImageView(HeardWidget):
    """Shows the newest frame, in any number of views.

    Attributes:
        colour_map: One of ``colours.PALETTES``.
        log: Whether steps between the levels are logarithmic.
        low: Percentile drawn darkest.
        high: Percentile drawn brightest.
        drawing: Whether the next drag draws a region, instead of moving what is seen.
        drawn: The newest region that a person has drawn, in the detector's pixels: ``rows`` and ``columns``, each the
            first and the one after the last.
    """

    _esm = code(NUMBERS_CODE, Path(__file__).with_name("image.js"))
    _css = _HERE / "image.css"
    colour_maps = traitlets.List(traitlets.Unicode(), list(PALETTES)).tag(sync=True)
    colour_map = traitlets.Enum(list(PALETTES), "viridis").tag(sync=True)
    log = traitlets.Bool(default_value=False).tag(sync=True)
    low = traitlets.Float(0.0, min=0.0, max=100.0).tag(sync=True)
    high = traitlets.Float(99.9, min=0.0, max=100.0).tag(sync=True)
    label = traitlets.Unicode("Detector frame").tag(sync=True)
    drawing = traitlets.Bool(default_value=False).tag(sync=True)

    def __init__(self, *, label: str = "Detector frame", units: str = "counts") -> None:
        """Begin without a frame.

        Args:
            label: What is shown, for screen readers.
            units: Unit of the pixels.
        """
        super().__init__(label=label)
        self._units = units
        self.drawn: Cell[dict[str, list[int]] | None] = Cell(None)
        self._lock = RLock()
        self._frame: Frame | None = None
        self._version = 0
        self._serial = 0
        self._flows: dict[str, Flow] = {}
        self._pulse = Pulse()
        self.on_msg(self._receive)
        self.observe(self._settings_changed, ["colour_map", "log", "low", "high"])

    def show(self, frame: Frame) -> None:
        """Show a frame; returns at once, whether or not a view can take it now."""
        with self._lock:
            self._frame = replace(frame, pixels=native(frame.pixels))
            self._version += 1
        self.pump()

    def pump(self) -> None:
        """Send the newest frame to each view that can take it and has not got it."""
        now = time.monotonic()
        with self._lock:
            frame = self._frame
            blocked = self._pulse.blocked(now)
            self._flows = {view: flow for view, flow in self._flows.items() if not flow.gone(now, blocked=blocked)}
            if frame is None:
                return
            for view, flow in self._flows.items():
                if flow.shown != self._version and flow.ready(now, blocked=blocked):
                    self._serial += 1
                    flow.sent(self._serial, now, self._version)
                    self._send_image(view, flow, frame)

    @property
    def views(self) -> int:
        """How many views are known."""
        return len(self._flows)

    def _send_image(self, view: str, flow: Flow, frame: Frame) -> None:
        window = _clamp(flow.window, frame.pixels.shape)
        part = slice(window.row, window.row + window.rows), slice(window.column, window.column + window.columns)
        pitch = binning_of((window.rows, window.columns), flow.width, flow.height)
        binned = bin_maximum(frame.pixels[part], pitch)
        bad = None if frame.bad is None else all_bad(frame.bad[part], pitch)
        levels = find_levels(binned, min(self.low, self.high), max(self.low, self.high), log=self.log, bad=bad)
        drawn = to_bytes(binned, levels, bad)
        self.send(
            {
                "kind": "image",
                "view": view,
                "serial": self._serial,
                "shape": list(drawn.shape),
                "window": [window.row, window.column, window.rows, window.columns],
                "frame": list(frame.pixels.shape),
                "pitch": pitch,
                "binning": frame.binning,
                "number": frame.number,
                "low": levels.low,
                "high": levels.high,
                "log": levels.log,
                "units": self._units,
                "masked": frame.masked,
            },
            [drawn.tobytes(), colour_bytes(self.colour_map, masked=bad is not None)],
        )

    def _settings_changed(self, _: object) -> None:
        with self._lock:
            self._version += 1
        self.pump()

    def _receive(self, _: object, content: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        del buffers
        try:
            self._take(content)
        except (KeyError, TypeError, ValueError) as error:
            _LOG.warning("an image view sent a message that cannot be read: %r (%s)", content, error)
        self.pump()

    def _take(self, content: Mapping[str, Any]) -> None:
        view = str(content["view"])
        with self._lock:
            match content["kind"]:
                case "view":
                    self._take_view(view, content)
                case "painted":
                    if view in self._flows:
                        self._flows[view].acknowledged(int(content["serial"]))
                case "probe":
                    self._answer_probe(view, int(content["row"]), int(content["column"]))
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
            flow.shown = None
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

    def _answer_probe(self, view: str, row: int, column: int) -> None:
        frame = self._frame
        if frame is None or not (0 <= row < frame.pixels.shape[0] and 0 <= column < frame.pixels.shape[1]):
            return
        # As text: JSON knows no NaN, and a 64-bit count is longer than a JavaScript number is exact.
        masked = frame.bad is not None and bool(frame.bad[row, column])
        value = "" if masked else str(frame.pixels[row, column].item())
        self.send({"kind": "value", "view": view, "row": row, "column": column, "value": value, "number": frame.number})

    def _send_exact(self, view: str) -> None:
        frame = self._frame
        if frame is not None:
            pixels = np.ascontiguousarray(frame.pixels)
            kind = {"kind": "exact", "view": view, "number": frame.number, "type": pixels.dtype.str}
            self.send({**kind, "shape": list(pixels.shape)}, [pixels.tobytes()])


def _clamp(window: Window, shape: tuple[int, ...]) -> Window:
    """Keep a window within a frame; none is the whole of it."""
    if window.rows <= 0 or window.columns <= 0:
        return Window(0, 0, shape[0], shape[1])
    row, column = min(max(window.row, 0), shape[0] - 1), min(max(window.column, 0), shape[1] - 1)
    return Window(row, column, min(window.rows, shape[0] - row), min(window.columns, shape[1] - column))
