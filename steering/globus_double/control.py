"""How a test orders faults and reads the counts, in the process or by HTTP."""

from collections.abc import Callable
from typing import Any

from steering.globus_double_data.auth import Auth
from steering.globus_double_data.call import Document, RefusedError
from steering.globus_double_data.faults import AnswerFault, Faults
from steering.globus_double_data.ground import Ground


class Control:
    """Orders faults. Each order holds until it is used up, or until :meth:`clear`."""

    def __init__(self, ground: Ground, auth: Auth, preempt: Callable[[], int]) -> None:
        """Control the services on a ground.

        Args:
            ground: What they stand on.
            auth: Whose tokens end.
            preempt: Takes the nodes of all pre-emptible runs; says how many.
        """
        self._ground = ground
        self._auth = auth
        self._preempt = preempt

    def refuse(
        self,
        service: str = "",
        status: int = 503,
        times: int = 1,
        retry_after: int | str | None = None,
        path: str = "",
        method: str = "",
    ) -> None:
        """Answer the next questions with a status, before anything is done.

        Args:
            service: ``auth``, ``transfer``, ``search``, ``compute`` or ``flows``; all if empty.
            status: Of HTTP: 429, 500, 503 ...
            times: How many.
            retry_after: Seconds that the answer asks to wait.
            path: Only those whose path has this in it.
            method: Only those of this method.
        """
        self._answer(AnswerFault(service, "refuse", times, path, method, status, retry_after))

    def lose(self, service: str = "", times: int = 1, path: str = "", method: str = "") -> None:
        """Do what the next questions ask for, and break the connection in place of the answer."""
        self._answer(AnswerFault(service, "lose", times, path, method))

    def garble(self, content: str, service: str = "", times: int = 1, path: str = "", method: str = "") -> None:
        """Do what the next questions ask for, and answer something else, as a login page of a network does."""
        self._answer(AnswerFault(service, "garble", times, path, method, content=content))

    def expire_tokens(self) -> None:
        """End all access tokens; they can be renewed."""
        self._auth.expire()

    def forget_logins(self) -> None:
        """Take back what renews them too: a person has to log in again."""
        self._auth.forget()

    def need_consent(self, collection: str) -> None:
        """Ask for a consent before the data of a collection are read."""
        self._change(lambda faults: faults.unconsented.add(collection))

    def offline(self, place: str) -> None:
        """Let a collection or a compute endpoint be out of reach."""
        self._change(lambda faults: faults.offline.add(place))

    def online(self, place: str) -> None:
        """Let it be reached again."""
        self._change(lambda faults: faults.offline.discard(place))

    def stall_transfers(self, reason: str = "no data came for 60 s") -> None:
        """Let transfers stand still, with a reason; an empty one lets them go on."""
        self._set("stalled", reason)

    def pause_transfers(self, reason: str = "maintenance") -> None:
        """Let an administrator pause transfers, with a reason; an empty one lets them go on."""
        self._set("paused", reason)

    def fail_transfers(self, times: int = 1, reason: str = "the deadline has passed") -> None:
        """Let the next transfers fail."""
        self._set("failing_reason", reason)
        self._set("failing", times)

    def spoil_files(self, times: int = 1) -> None:
        """Let the next files arrive with a wrong byte; three times in a row fail a verified transfer."""
        self._set("wrong_checksums", times)

    def fail_ingests(self, times: int = 1) -> None:
        """Let Search be unable to index the next entries."""
        self._set("failing_ingests", times)

    def preempt(self) -> int:
        """Take the nodes of all functions that run on a pre-emptible queue; return how many ran."""
        return self._preempt()

    def preempt_next(self, times: int = 1) -> None:
        """Take the nodes of the next runs on a pre-emptible queue as they begin."""
        self._set("preempted", times)

    def clear(self) -> None:
        """Let everything be well again."""
        with self._ground.lock:
            self._ground.faults = Faults()
            self._ground.lock.notify_all()

    def effects(self) -> dict[str, int]:
        """Return what was done so far, counted."""
        with self._ground.lock:
            return self._ground.effects.counts()

    def order(self, name: str, arguments: Document) -> Document:
        """Do what an order by HTTP says.

        Raises:
            RefusedError: If there is no such order, or its arguments are wrong.
        """
        if name not in ORDERS:
            raise RefusedError(404, "NotFound", f"There is no order {name!r:.40}. Allowed: {', '.join(ORDERS)}.")
        try:
            done = getattr(self, name)(**arguments)
        except TypeError as error:
            raise RefusedError(400, "BadRequest", f"The arguments of {name} are wrong: {error}") from error
        return {"done": done}

    def _answer(self, fault: AnswerFault) -> None:
        self._change(lambda faults: faults.answers.append(fault))

    def _set(
        self,
        name: str,
        value: Any,
    ) -> None:
        self._change(lambda faults: setattr(faults, name, value))

    def _change(self, change: Callable[[Faults], None]) -> None:
        with self._ground.lock:
            change(self._ground.faults)
            self._ground.lock.notify_all()


ORDERS = tuple(
    name for name, value in vars(Control).items() if callable(value) and not name.startswith("_") and name != "order"
)
