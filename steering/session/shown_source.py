"""Which of a session's sources is shown, and what of it stands on the board. Runs on the session's event loop."""

import asyncio
import math
from typing import TypeVar

from steering.core.analysis import Analyses
from steering.core.board import Board
from steering.core.cell import Cell
from steering.core.facility import Facility
from steering.core.frame import Frame
from steering.core.history import Trend
from steering.core.latency import LatencySummary, Quantiles
from steering.core.result import Result
from steering.core.source import Source
from steering.loop.partial import rehearse
from steering.loop.store import Store
from steering.session.notices import Notices
from steering.session.source_follower import SourceFollower

Value = TypeVar("Value")


class ShownSource:
    """The beamline's documents, and the sources followed beside them, of which the newest is shown."""

    def __init__(
        self, documents: SourceFollower, board: Board, facility: Facility, store: Store, notices: Notices
    ) -> None:
        """Begin with the documents shown.

        Args:
            documents: The beamline's.
            board: Where what is shown stands.
            facility: Where frames of other sources are analysed.
            store: Where their checkpoints are kept.
            notices: Where it is said when something goes wrong with one of them.
        """
        self._documents = documents
        self._board = board
        self._facility = facility
        self._store = store
        self._notices = notices
        self._beside: list[SourceFollower] = []
        self._companions: list[SourceFollower] = []
        self._trend_shown: tuple[SourceFollower | None, int] = (None, 0)

    @property
    def shown(self) -> SourceFollower:
        """What is shown."""
        return self._beside[-1] if self._beside else self._documents

    def accompany(self, followed: SourceFollower) -> None:
        """Show the results of another of the beamline's detectors together with those of its main one."""
        self._companions.append(followed)

    @property
    def _together(self) -> list[SourceFollower]:
        """What is shown, with what accompanies it."""
        shown = self.shown
        if shown is not self._documents:
            return [shown]
        return [shown, *(one for one in self._companions if one.run == shown.run)]

    def owner(self, label: str) -> SourceFollower:
        """Find which of what is shown has the results of a label; the main one if none has."""
        return next((one for one in self._together if label in one.labels), self.shown)

    async def follow(self, name: str, source: Source, analyses: Analyses) -> None:
        """Follow a source beside the documents, with a loop of its own, and show it.

        Args:
            name: What it is called.
            source: Closed when it is not followed any more, or cannot be.
            analyses: What each of its runs gets, by label, the main one first.
        """
        try:
            for analysis in analyses.values():
                await self._facility.rehearse(rehearse, analysis)
        except BaseException:
            await asyncio.to_thread(source.close)
            raise
        complain = self._notices.of(name)
        followed = SourceFollower(name, source, self._facility, self._store, lambda _: analyses, self.publish, complain)
        self._beside.append(followed)
        followed.start(frames=True)
        self._show()

    async def unfollow(self, name: str = "") -> None:
        """Close what is followed beside the documents, of all names or of one, and show what is left."""
        ending = [followed for followed in self._beside if name in ("", followed.name)]
        self._beside = [followed for followed in self._beside if followed not in ending]
        self._show()
        await asyncio.gather(*(followed.close() for followed in ending))
        for followed in ending:
            self._notices.say(followed.name, "")

    async def frame_at(self, index: int) -> Frame:
        """Read a frame of the newest run that is shown."""
        return await asyncio.to_thread(self.shown.index.read, index)

    def publish(self, followed: SourceFollower, result: Result) -> None:
        """Put a result on the board if its source and its run are shown."""
        if followed in self._together and followed.results.get(result.provenance.label) is result:
            self.put()

    def look(self, frame: Frame) -> None:
        """Take the newest frame that the beamline sends for the eye."""
        self._documents.frame = frame
        if self.shown is self._documents:
            self._board.frame.set(frame)

    def begin(self, run: str) -> None:
        """Take a result of another run of the beamline off the board: this one began."""
        for followed in (self._documents, *self._companions):
            if any(result.provenance.run != run for result in followed.results.values()):
                followed.forget()
                if self.shown is self._documents:
                    self.put()

    def write(self, applied: Quantiles) -> None:
        """Write what is known of the shown source; what has not changed is no news.

        Args:
            applied: Durations from a proposal to its being in force.
        """
        shown, board = self.shown, self._board
        renew(board.latency, self._of_documents(applied) if shown is self._documents else shown.latency(applied))
        renew(board.source, shown.seen)
        renew(board.runs, shown.runs)
        renew(board.span, shown.index.span)
        together = self._together
        trend_shown = (shown, sum(one.changes for one in together))
        if trend_shown != self._trend_shown:
            self._trend_shown = trend_shown
            trends = {label: trend for one in together for label, trend in one.trends.items()}
            board.trends.set(trends)
            board.trend.set(next(iter(trends.values()), Trend()))
        if shown is not self._documents and shown.frame is not None and board.frame.value is not shown.frame:
            board.frame.set(shown.frame)

    def _of_documents(self, applied: Quantiles) -> LatencySummary:
        """The beamline itself says how many points are measured, before any frame of them has come."""
        status, result, loop = self._board.status.value, self._documents.result, self._documents.loop
        behind, exposed = 0, math.nan
        if result is not None and result.provenance.run == status.run:
            behind = max(status.points_done - result.provenance.frames, 0)
            exposed = result.provenance.times.get("photon", math.nan)
        elif status.scanning:
            behind = status.points_done
        return LatencySummary(loop.photon_to_feature.quantiles, applied, behind, exposed, loop.counts)

    def put(self) -> None:
        """Put the newest results on the board."""
        board, shown = self._board, self.shown
        results = {label: result for one in self._together for label, result in one.results.items()}
        if board.results.value != results or not results:
            board.results.set(results)
        if board.result.value is not shown.result:
            board.result.set(shown.result)

    def _show(self) -> None:
        """Put on the board what another source has brought so far."""
        self.put()
        self._board.frame.set(self.shown.frame)
        self.write(self._board.latency.value.proposal_to_applied)


def renew(cell: Cell[Value], value: Value) -> None:
    """Set a cell, unless that is no news."""
    # Two NaNs are unequal, but no news.
    if cell.value != value and repr(cell.value) != repr(value):
        cell.set(value)
