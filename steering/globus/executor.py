"""Globus Compute as a ``concurrent.futures`` executor: a facility, a flow or a notebook submits functions to it."""

from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from threading import Condition, Thread
from typing import Any

from steering.core.json import Json
from steering.globus.compute import Compute, ComputeOrder, ComputeStatus, PreemptedError, new_group, outcome
from steering.globus.errors import GlobusError, MissingError
from steering.globus.login import Login
from steering.globus.patience import Patience
from steering.globus.payload import Source, checked, source_of, write_arguments


@dataclass
class _Run:
    """A run, from the submission to its end."""

    source: Source
    order: ComputeOrder
    future: "Future[Json]"
    task: str = ""
    tries: int = 1


class ComputeExecutor(Executor):
    """Runs functions on an endpoint of Globus Compute.

    One thread submits and asks for all of them together. A run that loses its node is run again.
    """

    def __init__(
        self,
        login: Login,
        endpoint: str,
        config: Mapping[str, Json],
        *,
        patience: Patience | None = None,
        written: Callable[[str, str], None] | None = None,
        functions: MutableMapping[str, str] | None = None,
        tries: int = 5,
    ) -> None:
        """Begin; nothing is asked of Globus yet.

        Args:
            login: Whose.
            endpoint: Its id.
            config: The ``user_endpoint_config``.
            patience: Waits for Globus; with the login's pace if none. It is cancelled when the executor is shut down
                with ``cancel_futures``.
            written: Writes a group down before it is submitted, with an empty text, and again with its task's id.
            functions: Ids of registered functions by checksum, which grow; each is registered anew if left out.
            tries: How often a run is begun that loses its node.
        """
        self._login = login
        self._endpoint = endpoint
        self._config = dict(config)
        self._patience = patience or Patience(pace=login.patience.pace)
        self._written = written
        self._functions = dict[str, str]() if functions is None else functions
        self._tries = tries
        self._changed = Condition()
        self._new: list[_Run] = []
        self._closing = False
        self._thread: Thread | None = None

    def submit(self, fn: Callable[..., Any] | Source, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run a function with JSON as its arguments.

        Args:
            fn: Written with def; what it imports, it imports inside. Or its source.
            args: Its arguments.
            kwargs: Its keywords.

        Returns:
            A future of what it returns, which raises a :class:`GlobusError` if that does not come.

        Raises:
            GlobusError: If it cannot be sent as text, or its arguments not as JSON.
            RuntimeError: If the executor was shut down.
        """
        source = checked(fn) if isinstance(fn, Source) else source_of(fn)
        write_arguments(args, kwargs)
        order = ComputeOrder(new_group(), self._endpoint, "", tuple(args), kwargs, self._config)
        return self._take(_Run(source, order, Future()))

    def find(self, group: str, fn: Callable[..., Any] | Source, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Go on with a run that was written down before this process began; submit it if it never was.

        Args:
            group: As it was written down.
            fn: As for :meth:`submit`.
            args: As for :meth:`submit`.
            kwargs: As for :meth:`submit`.

        Raises:
            GlobusError: As :meth:`submit` does.
        """
        source = checked(fn) if isinstance(fn, Source) else source_of(fn)
        order = ComputeOrder(group, self._endpoint, "", tuple(args), kwargs, self._config)
        return self._take(_Run(source, order, Future()))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  (Executor's)
        """Take no more; the thread ends when all runs have.

        Args:
            wait: Whether to wait for that.
            cancel_futures: Whether to give up what has not ended. Globus runs it to its end.
        """
        with self._changed:
            self._closing = True
            if cancel_futures:
                self._patience.cancelled.set()
            self._changed.notify_all()
            thread = self._thread
        if wait and thread is not None:
            thread.join()

    def _take(self, run: _Run) -> "Future[Json]":
        with self._changed:
            if self._closing:
                message = "cannot schedule new futures after shutdown"
                raise RuntimeError(message)
            self._new.append(run)
            if self._thread is None:
                self._thread = Thread(target=self._work, name="globus-compute", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return run.future

    def _work(self) -> None:
        """Submit, ask, and answer, until there is nothing more to do."""
        waits, running = self._patience.pace.waits(), dict[str, _Run]()
        compute: Compute | None = None
        while True:
            with self._changed:
                if not self._new and not running:
                    self._changed.wait_for(lambda: self._new or self._closing)
                new, self._new = self._new, []
                if not new and not running:
                    return
            try:
                compute = compute or Compute(self._login, self._patience)
                for run in new:
                    if run.task or run.future.set_running_or_notify_cancel():
                        self._send(compute, run, running)
                if running:
                    before = len(running)
                    self._answer(compute.status(list(running)), running)
                    waits = self._patience.pace.waits() if len(running) != before else waits
                    self._pause(next(waits))
            except Exception as error:  # noqa: BLE001  (likewise)
                _fail([*new, *running.values()], error)
                running.clear()

    def _send(self, compute: Compute, run: _Run, running: dict[str, _Run]) -> None:
        try:
            known = self._functions.get(run.source.checksum)
            run.order = replace(run.order, function=known or self._register(compute, run.source))
            self._write(run.order.group, "")
            try:
                run.task = compute.submit(run.order)
            except MissingError:
                if known is None:
                    raise
                # Globus keeps no function for ever. If it is the endpoint that is gone, the second answer says so.
                run.order = replace(run.order, function=self._register(compute, run.source))
                run.task = compute.submit(run.order)
            self._write(run.order.group, run.task)
            running[run.task] = run
        except Exception as error:  # noqa: BLE001  (a future that nobody answers would be waited for)
            _fail([run], error)

    def _register(self, compute: Compute, source: Source) -> str:
        known = self._functions[source.checksum] = compute.register(source)
        return known

    def _write(self, group: str, task: str) -> None:
        if self._written is not None:
            self._written(group, task)

    def _answer(self, found: Mapping[str, ComputeStatus], running: dict[str, _Run]) -> None:
        for task, status in found.items():
            if status.state not in ("done", "failed"):
                continue
            run = running.pop(task)
            try:
                run.future.set_result(outcome(status))
            except PreemptedError as error:
                if run.tries >= self._tries:
                    run.future.set_exception(error)
                    continue
                run.tries += 1
                run.order = replace(run.order, group=new_group())
                with self._changed:
                    self._new.append(run)
            except GlobusError as error:
                run.future.set_exception(error)

    def _pause(self, seconds: float) -> None:
        """Wait for the next question; a new run, or the end, ends the wait."""
        self._patience.rest(0.0, "run functions")
        with self._changed:
            self._changed.wait_for(lambda: self._new or self._patience.cancelled.is_set(), seconds)
        self._patience.rest(0.0, "run functions")


def _fail(runs: list[_Run], error: Exception) -> None:
    for run in runs:
        if not run.future.done():
            run.future.set_exception(error)
