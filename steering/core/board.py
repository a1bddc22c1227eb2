"""What everybody may look at: the session's cells."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from steering.core.agent import Suggestion
from steering.core.cell import Cell
from steering.core.facility import FacilityStatus
from steering.core.frame import Frame
from steering.core.history import FrameSpan, SeenRun, Trend
from steering.core.instrument import Instrument
from steering.core.latency import LatencySummary
from steering.core.plan import Plan
from steering.core.proposal import Ruling
from steering.core.result import Result
from steering.core.source import FollowedSource
from steering.core.status import BeamlineStatus, ScanDescription


@dataclass(frozen=True)
class Board:
    """The versioned values of a session; written by the session's own thread, read by panels.

    Attributes:
        status: The beamline service's state.
        scans: The scans that can be started.
        rulings: All rulings of the shown run, oldest first; a ruling that was applied replaces its pending form.
        plan: Where the beamline's run has measured and where it will; anew when its path changes.
        frame: The newest detector frame.
        result: The newest result of the shown run, which is that of the shown source; of its main analysis.
        results: The newest result of each of its analyses, by label, the main one first.
        compute: The facility's state.
        latency: How old and how far behind the result is.
        suggestions: What agents in mode ``"suggest"`` would do, oldest first.
        advice: What agents came to say or do in the beamline's run, oldest first, also what is past; the newest of it.
        modes: Mode of each agent: ``"off"``, ``"suggest"`` or ``"automatic"``.
        instrument: What the beamline shows of itself all the time.
        detectors: Detectors of the shown run whose frames are analysed, the main one first.
        idle: Why an agent can do nothing in the shown scan: a sentence, of each such agent.
        source: The source that is shown: the beamline's documents, or the newest that was followed beside them.
        runs: Runs that the shown source has brought, oldest first; the newest two hundred.
        span: Which frames of its newest run can be looked at again.
        trend: How the features of that run went; of its main analysis.
        trends: Likewise, of each analysis by label.
        notice: A sentence about the last thing that went wrong on this side, or empty.
        closed: A sentence once nothing here will change any more, since the session is closed; empty before.
    """

    status: Cell[BeamlineStatus] = field(default_factory=lambda: Cell(BeamlineStatus()))
    scans: Cell[tuple[ScanDescription, ...]] = field(default_factory=lambda: Cell(()))
    rulings: Cell[tuple[Ruling, ...]] = field(default_factory=lambda: Cell(()))
    plan: Cell[Plan] = field(default_factory=lambda: Cell(Plan()))
    frame: Cell[Frame | None] = field(default_factory=lambda: Cell[Frame | None](None))
    result: Cell[Result | None] = field(default_factory=lambda: Cell[Result | None](None))
    results: Cell[Mapping[str, Result]] = field(default_factory=lambda: Cell({}))
    compute: Cell[FacilityStatus] = field(default_factory=lambda: Cell(FacilityStatus("", "stopped")))
    latency: Cell[LatencySummary] = field(default_factory=lambda: Cell(LatencySummary()))
    suggestions: Cell[tuple[Suggestion, ...]] = field(default_factory=lambda: Cell(()))
    advice: Cell[tuple[Suggestion, ...]] = field(default_factory=lambda: Cell(()))
    modes: Cell[dict[str, str]] = field(default_factory=lambda: Cell({}))
    idle: Cell[dict[str, str]] = field(default_factory=lambda: Cell({}))
    instrument: Cell[Instrument] = field(default_factory=lambda: Cell(Instrument()))
    detectors: Cell[tuple[str, ...]] = field(default_factory=lambda: Cell(()))
    source: Cell[FollowedSource] = field(default_factory=lambda: Cell(FollowedSource()))
    runs: Cell[tuple[SeenRun, ...]] = field(default_factory=lambda: Cell(()))
    span: Cell[FrameSpan] = field(default_factory=lambda: Cell(FrameSpan()))
    trend: Cell[Trend] = field(default_factory=lambda: Cell(Trend()))
    trends: Cell[Mapping[str, Trend]] = field(default_factory=lambda: Cell({}))
    notice: Cell[str] = field(default_factory=lambda: Cell(""))
    closed: Cell[str] = field(default_factory=lambda: Cell(""))
