"""The newest detector frame."""

import time

from steering.core.desk import Desk
from steering_widgets.card import Card, close_all
from steering_widgets.image import ImageView
from steering_widgets.place import Place
from steering_widgets.wording import clock, duration

_AGE_SECONDS = 1.0


class FramePanel:
    """Shows the newest frame, its number and its age."""

    def __init__(self, desk: Desk) -> None:
        """Build it on a desk, which may be idle."""
        self.image = ImageView(label="Newest detector frame")
        self.widget = Card("frame", "Detector frame", [self.image])
        self._frame = Place(desk.board.frame)
        self._remarked = float("-inf")

    def refresh(self) -> bool:
        """Show a newer frame, if there is one."""
        changed = self._frame.advance()
        frame, now = self._frame.value, time.monotonic()
        if frame is None:
            self.widget.remark("no frame yet")
            return changed
        if changed:
            self.image.show(frame)
        else:
            self.image.pump()
        if now - self._remarked >= _AGE_SECONDS:
            # The text goes through the kernel's message queue, so it follows the pixels once a second only.
            self._remarked = now
            age = time.time() - frame.time
            passed = f"{duration(age)} ago" if age < 3600 else f"at {clock(frame.time)}"
            self.widget.remark(f"number {frame.number}, {passed}")
        return changed

    def close(self) -> None:
        """Take it off the screen."""
        close_all(self.widget)
