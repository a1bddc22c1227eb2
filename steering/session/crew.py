"""The agents of a session: their modes, what they suggest, and the proposals of those that may act by themselves."""

import asyncio
import time
import uuid
from typing import cast

from steering.agents.person import Person
from steering.beamline.client import BeamlineClient
from steering.core import registry
from steering.core.agent import MODES, Agent, Suggestion
from steering.core.board import Board
from steering.core.errors import SteeringError
from steering.core.result import Result
from steering.session.notices import Notices


class Crew:
    """All installed agents, each in a mode; people steer through the session itself."""

    def __init__(self, client: BeamlineClient, board: Board, notices: Notices) -> None:
        """Load the installed agents, all of them off."""
        self._client = client
        self._board = board
        self._notices = notices
        agents = {name: cast("Agent", registry.load("agents", name)()) for name in registry.names("agents")}
        # A person speaks through the session and is answered at once; the others take their turn here.
        self._agents = {name: agent for name, agent in agents.items() if not isinstance(agent, Person)}
        self._news = asyncio.Event()
        self._newest: Result | None = None
        # What each agent suggested last, for which run.
        self._suggested: dict[str, tuple[Suggestion, ...]] = {}
        self._run = ""
        board.modes.set(dict.fromkeys(self._agents, "off"))

    def set_mode(self, agent: str, mode: str) -> None:
        """Set an agent's mode; one that does not suggest any more has its suggestions taken back.

        Raises:
            SteeringError: If there is no such agent or mode.
        """
        if agent not in self._agents:
            message = f"There is no agent {agent!r:.60}. Installed: {', '.join(self._agents) or 'none'}."
            raise SteeringError(message)
        if mode not in MODES:
            message = f"There is no mode {mode!r:.60}. Allowed: {', '.join(MODES)}."
            raise SteeringError(message)
        self._board.modes.set({**self._board.modes.value, agent: mode})
        if mode != "suggest":
            self._suggested.pop(agent, None)
            self._show()
        self._news.set()

    def ingest(self, result: Result) -> None:
        """Have the agents look at a newer result soon."""
        self._newest = result
        self._news.set()

    def look(self) -> None:
        """Take back what was suggested for a run that is over: it is never for another one."""
        status = self._board.status.value
        if self._suggested and (status.run != self._run or not status.scanning):
            self._suggested = {}
            self._show()

    def forget(self, suggestion: Suggestion) -> None:
        """Take a suggestion off the board.

        Raises:
            SteeringError: If it is not there any more.
        """
        if not any(suggestion in held for held in self._suggested.values()):
            message = "This suggestion does not hold any more: its run is over, or there is a newer one."
            raise SteeringError(message)
        self._suggested = {
            name: tuple(one for one in held if one != suggestion) for name, held in self._suggested.items()
        }
        self._show()

    async def run(self) -> None:
        """Let agents look at each newest result, and propose what automatic ones suggest."""
        while True:
            await self._news.wait()
            self._news.clear()
            for name, agent in self._agents.items():
                await self._turn(name, agent, self._board.modes.value[name])

    async def _turn(self, name: str, agent: Agent, mode: str) -> None:
        status, result = self._board.status.value, self._newest
        if mode == "off" or result is None or not status.scanning or result.provenance.run != status.run:
            return
        agent.ingest(result, status.parameters)
        suggestions = tuple(agent.suggest())
        if mode == "suggest":
            if suggestions:
                # Only the newest holds.
                self._run = status.run
                self._suggested[name] = suggestions
                self._show()
            return
        for suggestion in suggestions:
            try:
                await self._client.propose(
                    suggestion.action, id=uuid.uuid4().hex, basis=suggestion.basis, agent=name, proposed_at=time.time()
                )
            except SteeringError as error:
                self._notices.say(f"agent {name}", f"The agent {name} could not propose: {error}")
            else:
                self._notices.say(f"agent {name}", "")

    def _show(self) -> None:
        shown = tuple(one for held in self._suggested.values() for one in held)
        if shown != self._board.suggestions.value:
            self._board.suggestions.set(shown)
