"""The agents of a session: their modes, what they suggest, and the proposals of those that may act by themselves.

Each agent has a thread of its own and is asked there. So one that raises, hangs, or returns nonsense costs itself only:
it is named in a notice, and the others, the results and the board go on.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from typing import Any, get_args

from steering.advice.kept_modes import keep_modes, told_of
from steering.beamline.client import BeamlineClient
from steering.contract.alarm import Alarm, watcher_of
from steering.core import registry
from steering.core.action import Action
from steering.core.agent import MODES, Agent, Suggestion, why_idle
from steering.core.binding import AgentBinding, make_agent
from steering.core.board import Board
from steering.core.errors import SteeringError, said
from steering.core.parameter import Parameter
from steering.core.result import Result
from steering.core.status import ScanDescription
from steering.core.workspace import Workspace
from steering.machine.threads import in_thread

# An agent that has not answered for so long (seconds) is named.
PATIENCE = 2.0
# A suggestion that is not made again goes when so many frames have come since, and such a part of what it rests on; but
# not before a person has had so long (seconds) to read it: a fast scan brings that many frames within two seconds.
MOVED_ON, MOVED_ON_SHARE, READING = 20, 0.5, 60.0
# What a plot has room for.
_MOST_ADVICE = 200


@dataclass(eq=False)
class Seat:
    """An agent at the table.

    Attributes:
        agent: Who sits there.
        of: Label of the analysis whose results it looks at; the main one's if empty.
        bound: Whether the scan names it.
        turn: What it is doing, if it is doing something.
        suggested: What it suggested last.
        seen: The result that it was given last.
        frames: How many frames the result held that its suggestions rest on.
        said_at: When it made them, monotonic time in seconds.
        speaks: Whether it had something to suggest of the result before.
        alarms: What it watches for, if an analysis declared that.
        late: What could not be proposed yet, each with the id of its proposal.
    """

    agent: Agent
    of: str = ""
    bound: bool = False
    turn: "asyncio.Task[None] | None" = None
    suggested: tuple[Suggestion, ...] = ()
    seen: Result | None = field(default=None, repr=False)
    frames: int = 0
    said_at: float = 0.0
    speaks: bool = False
    alarms: tuple[Alarm, ...] = ()
    late: tuple[tuple[str, Suggestion], ...] = ()


class AgentRunner:
    """All installed agents, and those that the scan names, each in a mode; people steer through the session itself."""

    def __init__(
        self, client: BeamlineClient, board: Board, say: Callable[[str, str], None], workspace: Workspace | None = None
    ) -> None:
        """Load the installed agents, all of them off.

        Args:
            client: Of the beamline service.
            board: Where suggestions are shown.
            say: Takes a cause and a sentence on what is wrong; an empty one once it is not any more.
            workspace: Where it is kept which agents are on, for the next session to tell.
        """
        self._client = client
        self._board = board
        self._say, self._workspace = say, workspace
        self._news = asyncio.Event()
        self._newest: dict[str, Result] = {}
        self._brought: dict[str, Result] = {}
        self._main = self._run = self._asked = ""
        self._seats: dict[str, Seat] = {}
        for name in registry.names("agents"):
            self._seat(AgentBinding(name, name), bound=False)
        self._installed = dict(self._seats)
        self._named: tuple[str, ...] = ()
        self._perhaps: frozenset[str] = frozenset()
        self._chosen: dict[str, str] = {}
        self._offer()
        if workspace is not None:
            say("agents", told_of(workspace))

    def know(self, scans: Sequence[ScanDescription]) -> None:
        """Take note of the agents that scans name: a mode may be set before such a scan is started."""
        self._named = tuple(dict.fromkeys(agent.label for scan in scans for agent in scan.agents))
        # Whether an analysis declares alarms is known once it is loaded, and that takes long.
        self._perhaps = frozenset(watcher_of(one.label) for scan in scans for one in scan.analyses)
        self._offer()

    def begin(self, bindings: Sequence[AgentBinding]) -> None:
        """Seat the agents that a scan names; they are off unless a person has said otherwise for that label."""
        for label in [label for label, seat in self._seats.items() if seat.bound]:
            self._leave(label)
        self._seats = dict(self._installed)
        for binding in bindings:
            self._seat(binding, bound=True)
        self._offer()
        for label in self._newest:
            self._say(f"alarms {label}", "")
        self._newest, self._main = {}, ""
        self._board.advice.set(())
        self._show()

    def set_mode(self, agent: str, mode: str) -> None:
        """Set an agent's mode; one that does not suggest any more has its suggestions taken back.

        Raises:
            SteeringError: If there is no such agent or mode.
        """
        if agent not in self._board.modes.value and agent not in self._perhaps:
            message = f"There is no agent {agent!r:.60}. Here are: {', '.join(self._board.modes.value) or 'none'}."
            raise SteeringError(message)
        if mode not in MODES:
            message = f"There is no mode {mode!r:.60}. Allowed: {', '.join(MODES)}."
            raise SteeringError(message)
        self._chosen[agent] = mode
        if agent not in self._board.modes.value:
            # It is seated with the first result.
            return
        self._set_modes({**self._board.modes.value, agent: mode})
        if self._workspace is not None:
            # Those who watch alarms are there again by themselves.
            watching = {label for label, seat in self._seats.items() if seat.alarms}
            modes = self._board.modes.value
            keep_modes(self._workspace, {label: mode for label, mode in modes.items() if label not in watching})
        self._say("agents", "")
        seat = self._seats.get(agent)
        if seat is None:
            # Of a scan that does not run now.
            return
        if mode != "suggest":
            seat.suggested = ()
            self._show()
        if mode != "automatic":
            seat.late = ()
        # What it has not been asked of yet may be the newest result already.
        seat.seen = None
        self._news.set()

    def ingest(self, result: Result, main: str = "", alarms: Sequence[Alarm] = ()) -> None:
        """Have the agents look at a newer result soon.

        Args:
            result: Of the run that is measured.
            main: Label of the main analysis.
            alarms: What the result's analysis declares: they are watched for by an agent of their own.
        """
        if alarms:
            self._watch(result.provenance.label, tuple(alarms))
            self._say(f"alarms {result.provenance.label}", _without_feature(result, alarms))
        self._newest[result.provenance.label] = result
        self._main = main or self._main or result.provenance.label
        self._news.set()

    def bring(self, result: Result) -> None:
        """Have agents that name its label look at a result of any run, such as a flow brings after its run."""
        self._brought[result.provenance.label] = result
        self._news.set()

    def look(self) -> None:
        """Take back what was suggested for a run that is over, which is never for another one; see who can act."""
        status = self._board.status.value
        reasons = {label: why_idle(seat.agent, status.parameters) for label, seat in self._seats.items()}
        # Before the first scan there are no parameters.
        idle = {label: reason for label, reason in reasons.items() if reason and status.scan}
        if idle != self._board.idle.value:
            self._board.idle.set(idle)
        if self._brought and status.scanning and status.run != self._asked:
            self._asked = status.run
            self._news.set()
        if any(seat.suggested for seat in self._seats.values()) and (status.run != self._run or not status.scanning):
            for seat in self._seats.values():
                seat.suggested = ()
            self._show()

    def forget(self, suggestion: Suggestion) -> None:
        """Take a suggestion off the board.

        Raises:
            SteeringError: If it is not there any more.
        """
        holding = [seat for seat in self._seats.values() if suggestion in seat.suggested]
        if not holding:
            message = "This suggestion does not hold any more: its run is over, or there is a newer one."
            raise SteeringError(message)
        for seat in holding:
            seat.suggested = tuple(one for one in seat.suggested if one != suggestion)
        self._show()

    async def run(self) -> None:
        """Let agents look at each newest result, and propose what automatic ones suggest."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                for label, seat in self._seats.items():
                    if seat.turn is None or seat.turn.done():
                        seat.turn = asyncio.create_task(self._turn(label, seat))
                        seat.turn.add_done_callback(partial(self._over, label))
        finally:
            for seat in self._seats.values():
                if seat.turn is not None:
                    seat.turn.cancel()

    def _over(self, label: str, turn: "asyncio.Task[None]") -> None:
        """Name an agent whose turn failed in a way that nobody thought of."""
        error = None if turn.cancelled() else turn.exception()
        if error is not None:
            self._say(f"agent {label}", f"The agent {label} failed: {said(error)}.")

    async def _turn(self, label: str, seat: Seat) -> None:
        """Ask an agent as long as there is something that it has not looked at."""
        while True:
            status, mode = self._board.status.value, self._board.modes.value.get(label, "off")
            brought = self._brought.get(seat.of)
            result = self._newest.get(seat.of or self._main, brought)
            if mode == "off" or result is None or result is seat.seen or not status.scanning:
                return
            if (result.provenance.run != status.run and result is not brought) or self._seats.get(label) is not seat:
                return
            seat.seen = result
            said = await self._ask(label, seat.agent, result, status.parameters)
            now, frames, done = time.time(), result.provenance.frames, status.points_done
            made: dict[str, Any] = {"agent": label, "made_at": now, "frames": frames, "point": done, "run": status.run}
            suggestions = tuple(replace(one, **made) for one in said)
            # Meanwhile the run may be over, or a person may have turned it off.
            mode = self._board.modes.value.get(label, "off")
            speaks, seat.speaks = seat.speaks, bool(suggestions)
            if suggestions and self._board.status.value.run == status.run:
                if not speaks:
                    # What it says again of each result is one thing.
                    self._board.advice.set((*self._board.advice.value, *suggestions)[-_MOST_ADVICE:])
                await self._act(label, seat, mode, suggestions, frames)
            elif seat.late:
                await self._act(label, seat, mode, (), frames)
            elif (
                seat.suggested
                and time.monotonic() - seat.said_at > READING
                and frames - seat.frames > max(MOVED_ON, seat.frames * MOVED_ON_SHARE)
            ):
                # The agent does not say it again, and much has been measured since.
                seat.suggested = ()
                self._show()

    async def _ask(
        self, label: str, agent: Agent, result: Result, parameters: Sequence[Parameter]
    ) -> tuple[Suggestion, ...]:
        def ask() -> tuple[Suggestion, ...]:
            agent.ingest(result, parameters)
            return tuple(agent.suggest())

        try:
            suggestions = await self._patiently(label, ask)
        except Exception as error:  # noqa: BLE001  (a stranger's agent may raise anything, and costs nobody else anything)
            self._say(f"agent {label}", f"The agent {label} failed: {said(error)}.")
            return ()
        odd = next((one for one in suggestions if not _sane(one)), None)
        if odd is not None:
            sentence = f"The agent {label} returned {odd!r:.80}, which is no Suggestion of an action. It is left out."
            self._say(f"agent {label}", sentence)
            return ()
        self._say(f"agent {label}", "")
        return suggestions

    async def _patiently(self, label: str, ask: Callable[[], tuple[Suggestion, ...]]) -> tuple[Suggestion, ...]:
        """Wait for an agent in its own thread; say so while it takes long."""
        asking = asyncio.ensure_future(in_thread(ask, daemon=True))
        try:
            while not asking.done():
                await asyncio.wait([asking], timeout=PATIENCE)
                if not asking.done():
                    self._say(
                        f"agent {label}", f"The agent {label} has not answered for {PATIENCE:g} s. The scan goes on."
                    )
            return asking.result()
        finally:
            asking.cancel()

    async def _act(self, label: str, seat: Seat, mode: str, suggestions: tuple[Suggestion, ...], frames: int) -> None:
        if mode == "suggest":
            # Only the newest holds.
            self._run, seat.frames, seat.said_at = self._board.status.value.run, frames, time.monotonic()
            seat.suggested = suggestions
            self._show()
        elif mode == "automatic":
            made, seat.late = (*seat.late, *((uuid.uuid4().hex, one) for one in suggestions)), ()
            for place, (number, suggestion) in enumerate(made):
                # While one is on its way a person may turn the agent off, and the run may end.
                status, mode = self._board.status.value, self._board.modes.value.get(label, "off")
                if mode != "automatic" or status.run != suggestion.run or not status.scanning:
                    return
                if time.time() - suggestion.made_at < READING and not await self._propose(label, number, suggestion):
                    # An agent says a thing once: with the next result it is proposed again, in the same order.
                    seat.late = made[place:]
                    return

    async def _propose(self, label: str, number: str, suggestion: Suggestion) -> bool:
        """Propose a suggestion; say whether there was an answer. One that got lost is given again for the same id."""
        try:
            await self._client.propose(
                suggestion.action, id=number, basis=suggestion.basis, agent=label, proposed_at=time.time()
            )
        except SteeringError as error:
            self._say(f"agent {label}", f"The agent {label} could not propose: {error}")
            return False
        except Exception as error:  # noqa: BLE001  (what it suggests is a stranger's too, and may be no action at all)
            self._say(f"agent {label}", f"What the agent {label} suggests is no action: {said(error)}.")
        else:
            self._say(f"agent {label}", "")
        return True

    def _seat(self, binding: AgentBinding, *, bound: bool) -> None:
        try:
            agent = make_agent(binding)
        except Exception as error:  # noqa: BLE001  (as above)
            self._say(f"agent {binding.label}", f"The agent {binding.label} is not here: {said(error)}")
            return
        self._seats[binding.label] = Seat(agent, binding.of, bound)

    def _watch(self, of: str, alarms: tuple[Alarm, ...]) -> None:
        """Seat who watches the alarms of an analysis; it says what it sees unless a person has said otherwise."""
        label = watcher_of(of)
        seat = self._seats.get(label)
        if seat is not None and (seat.alarms == alarms or not seat.alarms):
            # It is there, or the scan names an agent so, which is what its people want.
            return
        if seat is not None:
            self._leave(label)
        self._seat(AgentBinding(label, "watch", of, {"alarms": alarms}), bound=True)
        if label in self._seats:
            self._seats[label].alarms = alarms
            self._set_modes({**self._board.modes.value, label: self._chosen.get(label, "suggest")})

    def _leave(self, label: str) -> None:
        seat = self._seats.pop(label)
        if seat.turn is not None:
            seat.turn.cancel()
        self._say(f"agent {label}", "")

    def _offer(self) -> None:
        """Have a mode for each agent that is here, or that a scan names."""
        modes = self._board.modes.value
        self._set_modes({label: modes.get(label, "off") for label in dict.fromkeys((*self._seats, *self._named))})

    def _set_modes(self, modes: dict[str, str]) -> None:
        if modes != self._board.modes.value:
            self._board.modes.set(modes)

    def _show(self) -> None:
        shown = tuple(one for seat in self._seats.values() for one in seat.suggested)
        if shown != self._board.suggestions.value:
            self._board.suggestions.set(shown)


def _without_feature(result: Result, alarms: Sequence[Alarm]) -> str:
    """Say of an alarm that its feature is misspelt, as far as can be known: a feature may come later, or never."""
    names = list(result.outcome.features)
    for alarm in alarms:
        wanted = alarm.feature
        meant = [name for name in names if name.endswith(f"_{wanted}")] or get_close_matches(wanted, names, 1, 0.8)
        if wanted and wanted not in names and meant:
            label = result.provenance.label
            return f"An alarm of {label} is on {wanted!r:.60}, which its results do not have. Did you mean {meant[0]}?"
    return ""


def _sane(suggestion: object) -> bool:
    """Say whether somebody returned a suggestion that can be shown and proposed."""
    return (
        isinstance(suggestion, Suggestion)
        and isinstance(suggestion.action, get_args(Action))
        and isinstance(suggestion.reason, str)  # pyright: ignore[reportUnnecessaryIsInstance]  (a stranger's code)
        and isinstance(suggestion.basis, str)  # pyright: ignore[reportUnnecessaryIsInstance]  (as above)
    )
