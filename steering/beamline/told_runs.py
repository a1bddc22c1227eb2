"""What is told of runs and waits to be heard: begins and ends all of it; points, where many wait, in fewer words."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from steering.core.json import Json

# Where more than so many wait, what is told of a run's points takes the place of what waits of them: both count from
# the run's begin.
_MOST_WAITING = 256


@dataclass
class _Waiting:
    told: Mapping[str, Json]


class ToldRuns:
    """A queue that nobody who tells ever waits for. May be used from any thread."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._news = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        # The newest that waits of each run's points, by the run's uid.
        self._points: dict[str, _Waiting] = {}
        self._ended = False

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._waiting)

    def put(self, told: Mapping[str, Json]) -> None:
        """Tell something: ``what`` (``began``, ``events``, ``ended``) of ``run``."""
        with self._news:
            points, run = told.get("what") == "events", str(told.get("run"))
            before = self._points.get(run) if points and len(self._waiting) >= _MOST_WAITING else None
            if before is not None:
                before.told = told
                return
            new = _Waiting(told)
            if points:
                self._points[run] = new
            self._waiting.append(new)
            self._news.notify()

    def end(self) -> None:
        """Tell nothing more; what waits can still be heard."""
        with self._news:
            self._ended = True
            self._news.notify_all()

    def take(self) -> Mapping[str, Json] | None:
        """Wait for what was told first and not heard yet; nothing once the end was told, and all before it heard."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._ended)
            if not self._waiting:
                return None
            one = self._waiting.popleft()
            run = str(one.told.get("run"))
            if self._points.get(run) is one:
                del self._points[run]
            return one.told
