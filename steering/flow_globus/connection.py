"""The clients that a flow uses, which wait as long as nobody cancels the flow."""

import time
from dataclasses import dataclass
from typing import Self

from steering.core.workspace import Workspace
from steering.facilities.globus_calls import KnownFunctions
from steering.flow_steps.bells import Bell
from steering.flow_steps.work import Work
from steering.globus.compute import Compute
from steering.globus.flow import Flows
from steering.globus.login import Login
from steering.globus.patience import Pace, Patience
from steering.globus.payload import Source

# What runs on the endpoint; all else is in steering there.
FUNCTION = Source(
    "steering_compute",
    "def steering_compute(**asked):\n"
    "    from steering.flow_globus.on_endpoint import compute_there\n\n"
    "    return compute_there(asked)\n",
)
# The end of a step is known after a fifth more of the time that it took, as long as that is less than 20 s.
_PACE = Pace(growth=1.2)
# So long may it take to cancel, in seconds.
_CANCEL_SECONDS = 20.0


class FlowPatience(Patience):
    """Waits for Globus, and hears at once that the flow is cancelled."""

    def __init__(self, work: Work) -> None:
        """Begin."""
        super().__init__(pace=_PACE, told=work.waits)
        self._work = work

    def rest(self, seconds: float, doing: str) -> None:
        """Wait.

        Raises:
            CancelledFlowError: If somebody asked for the end of the flow.
        """
        del doing
        self._work.check()
        if seconds <= 0:
            return
        deadline = time.monotonic() + seconds
        with Bell(self._work.journal.folder.parent) as bell:
            # It may have been asked for before the bell was there.
            self._work.check()
            while (left := deadline - time.monotonic()) > 0:
                bell.wait(left)
                self._work.check()


@dataclass(frozen=True)
class Connection:
    """What is asked of Globus for one flow run. One thread uses it.

    Attributes:
        login: Whose.
        flows: Globus Flows.
    """

    login: Login
    flows: Flows

    @classmethod
    def of(cls, work: Work) -> Self:
        """Log in, for a flow that is run.

        Raises:
            GlobusError: If a person has to log in first.
        """
        login = Login(work.workspace, FlowPatience(work))
        return cls(login, Flows(login))

    @classmethod
    def to_cancel(cls, workspace: Workspace) -> Self:
        """Log in to cancel, which is not waited for long.

        Raises:
            GlobusError: If a person has to log in first.
        """
        login = Login(workspace, Patience(pace=Pace(give_up=_CANCEL_SECONDS)))
        return cls(login, Flows(login))

    def function(self, workspace: Workspace, source: Source = FUNCTION) -> str:
        """Return the id of a function of ours, which is registered the first time.

        Raises:
            GlobusError: If Globus refuses.
        """
        known = KnownFunctions(workspace, self.login)
        if source.checksum not in known:
            known[source.checksum] = Compute(self.login).register(source)
        return known[source.checksum]
