"""What a panel may do: the face of a session that widgets are written against."""

from collections.abc import Mapping
from typing import Any, Protocol

from steering.core.action import Action
from steering.core.agent import Suggestion
from steering.core.board import Board
from steering.core.frame import Frame
from steering.core.json import Json
from steering.core.plan import Forecast
from steering.core.pool import PoolRequest
from steering.core.proposal import Ruling


class Desk(Protocol):
    """A session as its panels see it. All methods may be called from any thread and return within a second.

    Each of them raises :class:`steering.core.errors.SteeringError` with a plain sentence when it cannot be done;
    a refused proposal is no error but a ruling.
    """

    @property
    def board(self) -> Board:
        """What may be looked at."""
        ...

    @property
    def name(self) -> str:
        """Who this session is, as the service knows it: the name that a lease of it carries."""
        ...

    def start(self, scan: str, **values: float | str) -> str:
        """Start a scan with some of its parameters changed (a choice by its name); return its run uid."""
        ...

    def add_analysis(self, analysis: str, label: str = "", *, detector: str = "", **parameters: Any) -> str:
        """Analyse the shown run in another way too, from its first frame on; return its label. May take 10 s.

        It is given the frames of a detector, one of ``board.detectors``; of the main one if none is named.
        """
        ...

    def remove_analysis(self, label: str) -> None:
        """Do not analyse the shown run in that way any more."""
        ...

    def propose(self, action: Action, basis: str = "") -> Ruling:
        """Propose an action for the running scan."""
        ...

    def forecast(self, actions: Action | tuple[Action, ...]) -> Forecast:
        """Say what actions would do to the running scan, one after another, and do nothing."""
        ...

    def outlook(self, scan: str, **values: float | str) -> Forecast:
        """Say how many points a scan would have if it were started so, and how long it would take; do nothing."""
        ...

    def set_mode(self, agent: str, mode: str) -> None:
        """Set an agent's mode: ``"off"``, ``"suggest"`` or ``"automatic"``."""
        ...

    def accept(self, suggestion: Suggestion) -> Ruling:
        """Propose what an agent suggested, with its basis, in this person's name."""
        ...

    def frame_at(self, index: int) -> Frame:
        """Read a frame of the shown run again, by its index in the run. May take 10 s where a file comes late."""
        ...

    def ask_compute(self, request: PoolRequest) -> str:
        """Ask the facility for a pool, another size of one, or its end; return what will be done. May take 30 s."""
        ...

    def take_lease(self) -> None:
        """Become the one who may steer."""
        ...

    def release_lease(self) -> None:
        """Let others steer; whoever asked for the lease has it then."""
        ...

    def ask_for_lease(self) -> None:
        """Ask its holder for the lease."""
        ...

    def give_lease(self) -> None:
        """Hand the lease to whoever asks for it."""
        ...

    def keep_lease(self) -> None:
        """Turn down who asks for the lease."""
        ...

    def dismiss_notices(self) -> None:
        """Take the notices off the board that are there now."""
        ...

    def dismiss(self, suggestion: Suggestion) -> None:
        """Take an agent's suggestion off the board."""
        ...

    def layout(self) -> Mapping[str, Json]:
        """Return how the page was laid out by who used it last; empty if nobody has changed it."""
        ...

    def keep_layout(self, layout: Mapping[str, Json]) -> None:
        """Keep how the page is laid out, for who uses it next."""
        ...

    def control_address(self) -> Mapping[str, str]:
        """Return what a browser needs to pause and abort past a busy kernel.

        Keys: ``port`` (of the service on this machine) and ``token`` (short-lived, good for pausing, resuming and
        aborting only). Empty if the service is not on this machine.
        """
        ...
