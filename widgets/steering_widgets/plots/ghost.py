"""What a change would do, before anybody has made it: asked of the desk once, drawn by every plot."""

import math
import threading
import time
from dataclasses import dataclass, field

from steering.core.action import Action
from steering.core.cell import Cell
from steering.core.desk import Desk
from steering.core.errors import SteeringError, said
from steering.core.plan import Forecast
from steering.core.status import EndedRun
from steering_widgets.parts.place import Place
from steering_widgets.parts.wording import duration, several
from steering_widgets.plots.asker import Asker

# A forecast counts points and time, and nobody reads them more often.
_COUNT_SECONDS = 1.0
FORM, SUGGESTION, REGION = "form", "suggestion", "region"
_WORDS = {FORM: "your change", SUGGESTION: "the suggestion", REGION: "the marked region"}


@dataclass(frozen=True)
class Wish:
    """What somebody thinks of doing.

    Attributes:
        who: ``"form"``, ``"suggestion"`` or ``"region"``: which part of the page it comes from.
        actions: In the order in which they would be proposed; none for nothing.
        after: How the scan before the one that it is about ended: that holds from before a scan's run opens to its end.
    """

    who: str = ""
    actions: tuple[Action, ...] = ()
    after: EndedRun = field(default_factory=EndedRun)

    @property
    def words(self) -> str:
        """What it is called in a sentence."""
        return _WORDS.get(self.who, self.who)


class Ghost:
    """The newest wish of the page, and the desk's forecast of it.

    It is asked in a thread of its own, one question at a time; of wishes that come meanwhile the newest counts.

    Attributes:
        wanted: The newest wish.
        forecast: What would come of it; ``None`` while nothing is wanted or the answer is not there yet. Where it
            cannot be asked, the refusal is the sentence of the error.
    """

    def __init__(self, desk: Desk) -> None:
        """Begin without a wish."""
        self._desk = desk
        self.wanted: Cell[Wish] = Cell(Wish())
        self.forecast: Cell[Forecast | None] = Cell(None)
        self._plan, self._status = Place(desk.board.plan), Place(desk.board.status)
        self._measured, self._asked = 0, -math.inf
        self._lock = threading.Lock()
        self._asker = Asker(self._answer, self._told)

    def want(self, actions: tuple[Action, ...], who: str = FORM) -> None:
        """Say what somebody thinks of doing; no actions take back the same part's last wish. From any thread.

        Args:
            actions: In the order in which they would be proposed.
            who: ``"form"``, ``"suggestion"`` or ``"region"``.
        """
        with self._lock:
            before = self.wanted.value
            if not actions and before.who != who:
                return
            wish = Wish(who, tuple(actions), self._desk.board.status.value.ended) if actions else Wish()
            if wish == before:
                return
            self.wanted.set(wish)
            self.forecast.set(None)
        if wish.actions:
            self._ask(wish)

    def refresh(self) -> bool:
        """Ask again if path or points have changed, forget a wish whose scan is over; say whether that was done."""
        plan, status = self._plan.advance(), self._status.advance()
        wish = self.wanted.value
        if not wish.actions:
            return False
        if status and not (self._status.value.scanning and self._status.value.ended == wish.after):
            self.want((), wish.who)
            return True
        # What would be left is fewer with each point that is measured.
        measured = self._desk.board.status.value.points_done
        late = measured != self._measured and time.monotonic() - self._asked >= _COUNT_SECONDS
        if plan or late:
            self._ask(wish)
        return plan or late

    def close(self) -> None:
        """Ask nothing any more."""
        self._asker.close()

    def _ask(self, wish: Wish) -> None:
        self._measured, self._asked = self._desk.board.status.value.points_done, time.monotonic()
        self._asker.ask(wish)

    def _told(self, wish: Wish, forecast: Forecast) -> None:
        with self._lock:
            if self.wanted.value is wish:
                self.forecast.set(forecast)

    def _answer(self, wish: Wish) -> Forecast:
        try:
            return self._desk.forecast(wish.actions)
        except SteeringError as error:
            return Forecast(str(error))
        except Exception as error:  # noqa: BLE001  (whatever it is, a plot without a ghost is better than no plot)
            return Forecast(f"What {wish.words} would do cannot be said: {said(error)}.")


def ghost_text(wish: Wish, forecast: Forecast | None) -> str:
    """Say in words what a forecast is of, and what would come of it; empty without a wish."""
    if not wish.actions or forecast is None:
        return ""
    if forecast.refusal:
        return f"What {wish.words} would do: nothing, it would be refused. {forecast.refusal}"
    return f"What {wish.words} would do (violet): {_left(forecast)}."


def outcome_text(forecast: Forecast | None) -> str:
    """Say in words what would come of something; empty where that is not known yet."""
    if forecast is None:
        return ""
    if forecast.refusal:
        return f"It would be refused. {forecast.refusal}"
    if not forecast.points_left:
        return "It ends the scan: nothing would be left to measure."
    return f"Then {_left(forecast)}."


def _left(forecast: Forecast) -> str:
    time = f", about {duration(max(forecast.seconds_left, 1.0))}" if math.isfinite(forecast.seconds_left) else ""
    return f"{several(forecast.points_left, 'point')} left{time}"
