"""Calls: a function run on a worker at once, past Dask's graph, and what it gives sent straight back.

A task takes some ten messages between client, scheduler and workers, most of them gathered for a while; a call takes
four. It is for what is worthless if it comes late, such as the newest result: nothing of it is kept, and nothing is
tried twice. What cannot be done now is passed over; the caller can submit a task instead.

The client leaves the pickled function with the scheduler (:class:`Exchange`), which picks a worker that is free and
knows where the values lie; the worker (:class:`Callee`) takes what it does not hold from its peers. The scheduler
unpickles nothing, and all of it goes over Dask's own TLS connections.
"""

import asyncio
import pickle
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin

# A value that was just submitted, or is just being made, is worth waiting for; one that takes longer is not.
_VALUE_SECONDS = 0.1
# A worker is worth waiting for if Dask expects it to be free within so long.
_BUSY_SECONDS = 0.25
# One that has just joined is called only if there is no other.
_YOUNG_SECONDS = 3.0


@dataclass(frozen=True)
class Slot:
    """Stands for a value that lies on workers, by its key."""

    key: str


class Exchange(SchedulerPlugin):
    """Hands calls to workers; in the scheduler's process, on its event loop."""

    def __init__(self, scheduler: Any, give_up: Callable[[Sequence[Any]], Awaitable[list[str]]]) -> None:
        """Add the handler to a scheduler that has not been started.

        Args:
            scheduler: Whose workers are called.
            give_up: Removes those of some workers that answer no greeting; returns their names.
        """
        self._scheduler = scheduler
        self._give_up = give_up
        self._calling: dict[str, int] = {}
        self._last = ""
        self._made = asyncio.Event()
        self._joined: dict[str, float] = {}
        scheduler.handlers["steering_call"] = self.call
        scheduler.add_plugin(self)

    def transition(self, key: str, start: str, finish: str, *_: object, **__: object) -> None:
        """Learn that a value is there."""
        del key, start
        if finish == "memory":
            self._made.set()

    def add_worker(self, scheduler: Any, worker: str) -> None:
        """Learn that a worker is there; for a moment it still loads and rehearses."""
        del scheduler
        self._joined[worker] = time.monotonic()

    def remove_worker(self, scheduler: Any, worker: str, **_: object) -> None:
        """Forget a worker."""
        del scheduler
        self._joined.pop(worker, None)

    async def call(self, work: bytes, keys: Sequence[str], patience: float) -> dict[str, Any]:
        """Have a worker do something; return its answer, or why there is none.

        Args:
            work: The pickled function with its arguments.
            keys: Of the values that it needs.
            patience: A worker that has not answered after so many seconds is greeted, and given up if it does not
                answer that either.
        """
        where = await self._where(keys)
        holder = self._choose()
        if where is None or holder is None:
            return {"passed": "a value is not there yet" if holder is not None else "no worker is free"}
        address = self._last = str(holder.address)
        self._calling[address] = self._calling.get(address, 0) + 1
        asking = asyncio.ensure_future(self._ask(address, work, where))
        try:
            while not (await asyncio.wait([asking], timeout=patience))[0]:
                if await self._give_up([holder]):
                    return {"passed": f"the worker {holder.name} does not answer"}
            return asking.result()
        finally:
            asking.cancel()
            self._calling[address] -= 1
            if not self._calling[address]:
                del self._calling[address]

    async def _ask(self, address: str, work: bytes, where: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        try:
            async with self._scheduler.rpc(address) as worker:
                return await worker.steering_call(work=work, where=where)
        except OSError as error:
            return {"passed": f"the worker was lost ({error})"}

    async def _where(self, keys: Sequence[str]) -> dict[str, list[str]] | None:
        """Find out which workers hold each value; wait a little for those that are not there."""
        try:
            async with asyncio.timeout(_VALUE_SECONDS):
                while True:
                    self._made.clear()
                    states = [self._scheduler.tasks.get(key) for key in keys]
                    if all(state is not None and state.who_has for state in states):
                        return {
                            key: [holder.address for holder in state.who_has]
                            for key, state in zip(keys, states, strict=True)
                        }
                    await self._made.wait()
        except TimeoutError:
            return None

    def _choose(self) -> Any:
        """Choose the worker with least to do; of several, the one that was called last, which holds most values.

        None if all have tasks that will take long: a call would wait for the one that is chosen, and a task waits for
        whichever is free first.
        """
        now = time.monotonic()

        def busy(worker: Any) -> tuple[bool, int, bool, str]:
            calls = self._calling.get(worker.address, 0)
            young = now - self._joined.get(worker.address, 0.0) < _YOUNG_SECONDS
            load = (len(worker.processing) + calls) // worker.nthreads
            return young, load, worker.address != self._last, worker.address

        soon = [
            worker
            for worker in self._scheduler.running
            if len(worker.processing) < worker.nthreads or worker.occupancy < _BUSY_SECONDS
        ]
        return min(soon, key=busy, default=None)


class Callee:
    """Does what it is called for; in the worker's process.

    Args:
        worker: A worker that has not been started.
    """

    def __init__(self, worker: Any) -> None:
        """Add the handler to a worker that has not been started."""
        self._worker = worker
        self._taken: dict[str, Any] = {}
        worker.handlers["steering_call"] = self.call

    async def call(self, work: bytes, where: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Run a pickled function; return its pickled value or error, or why it cannot be run.

        Args:
            work: The function with its arguments, in which a :class:`Slot` stands for each value.
            where: Addresses of the workers that hold each value.
        """
        from distributed.utils_comm import gather_from_workers

        held = self._worker.data
        known = {key: held[key] if key in held else self._taken.get(key) for key in where}
        missing = {key: list(where[key]) for key, value in known.items() if value is None}
        if missing:
            found, *_ = await gather_from_workers(missing, rpc=self._worker.rpc)
            known |= found
            if len(found) < len(missing):
                return {"passed": "a value has gone"}
        # What this worker does not hold itself is asked for again with the next call, a few milliseconds later.
        self._taken = {key: value for key, value in known.items() if key not in held}
        # With a task of this worker's, one after another: what people write need not be safe in several threads.
        executor = self._worker.executors["default"]
        return await asyncio.get_running_loop().run_in_executor(executor, _answer, work, known)


def pack(function: Callable[..., Any], arguments: Sequence[Any]) -> bytes:
    """Pickle a function with its arguments; one of a notebook goes by value."""
    import cloudpickle

    return cloudpickle.dumps((function, tuple(arguments)))


def unpack(answer: Mapping[str, Any]) -> Any:
    """Return the value of an answer, or raise its error."""
    # From Dask's own TLS peer.
    value = pickle.loads(answer["pickled"])  # noqa: S301  (see above)
    if answer["failed"]:
        raise value
    return value


def _answer(work: bytes, values: Mapping[str, Any]) -> dict[str, Any]:
    import cloudpickle

    try:
        # From Dask's own TLS peer.
        function, arguments = pickle.loads(work)  # noqa: S301  (see above)
        value = function(*(values[item.key] if isinstance(item, Slot) else item for item in arguments))
        return {"failed": False, "pickled": cloudpickle.dumps(value)}
    except Exception as error:  # noqa: BLE001  (raised where the value is asked for, as with a task)
        return {"failed": True, "pickled": _dumps_error(error)}


def _dumps_error(error: Exception) -> bytes:
    import cloudpickle

    try:
        content = cloudpickle.dumps(error)
        pickle.loads(content)  # noqa: S301  (our own, of the line above: does it come back?)
    except Exception:  # noqa: BLE001  (whatever an error's own pickling raises, its words are what is wanted)
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return content
