"""Whether a scan goes on, waits, or has to end, by what was accepted."""

from steering.core.action import Abort, Action, Finish, Pause, Resume
from steering.core.proposal import Ruling


class Standing:
    """Of one scan. Changed under its docket's lock, read from any thread.

    Attributes:
        paused: Whether a pause was accepted and no resume since.
        suspended: Whether the scan waits for the beamline, and goes on by itself.
        finishing: Whether a finish was accepted.
        abort: The abort that was accepted first, if one was.
        over: Whether the plan has ended: until then a second abort acts.
    """

    def __init__(self) -> None:
        """Begin with a scan that goes on."""
        self.paused = self.suspended = self.finishing = self.over = False
        self.abort: Ruling | None = None
        self._held_by: Ruling | None = None
        # Aborts that were accepted, and how many of them the plan knows of.
        self._aborts = self._heeded = 0
        self._noticed = False

    @property
    def pause(self) -> Ruling | None:
        """The ruling that the scan waits by, if it is paused."""
        return self._held_by if self.paused else None

    @property
    def noticed(self) -> bool:
        """Whether the plan knows of every abort that was accepted, or of one that nobody proposed."""
        return self._noticed and self._heeded == self._aborts

    def notice(self) -> bool:
        """Note that the plan knows that it has to end; return whether that was news."""
        news = not self.noticed
        self._noticed, self._heeded = True, self._aborts
        return news

    def enter(self, ruling: Ruling, action: Action | None) -> None:
        """Note what a ruling changes; a refusal has no action, and changes nothing."""
        match action:
            case Pause():
                self.paused, self.suspended = True, False
                self._held_by = ruling
            case Abort():
                self.paused = self.suspended = False
                self.abort = self.abort or ruling
                self._aborts += ruling.accepted
            case Resume() | Finish():
                self.paused = self.suspended = False
                self.finishing = self.finishing or isinstance(action, Finish)
            case _:
                pass
