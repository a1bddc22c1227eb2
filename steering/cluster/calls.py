"""Calls: a function run on a worker at once, past Dask's graph, and what it gives sent straight back.

A task takes some ten messages between client, scheduler and workers, most of them gathered for a while; a call takes
four. It is for what is worthless if it comes late, such as the newest result: nothing of it is kept, and nothing is
tried twice. What cannot be done now is passed over; the caller can submit a task instead.

The values that a call needs, the next ones need too, so each is copied to a second worker: when one is lost, nothing
has to be computed again before the next call can be answered.

The client leaves the pickled function with the scheduler (:class:`Exchange`), which picks a worker that is free and
knows where the values lie; the worker (:class:`Callee`) takes what it does not hold from its peers. The scheduler
unpickles nothing, and all of it goes over Dask's own TLS connections.
"""

import asyncio
import itertools
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin

from steering.cluster.liveness import Liveness

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

    def __init__(self, scheduler: Any, liveness: Liveness) -> None:
        """Add the handler to a scheduler that has not been started.

        Args:
            scheduler: Whose workers are called.
            liveness: Knows which of them are silent.
        """
        self._scheduler = scheduler
        self._liveness = liveness
        self._calling: dict[str, int] = {}
        self._last = ""
        self._copied: set[str] = set()
        self._made = asyncio.Event()
        scheduler.handlers["steering_call"] = self.call
        scheduler.add_plugin(self)

    def transition(self, key: str, start: str, finish: str, *_: object, **__: object) -> None:
        """Learn that a value is there, or is not any more."""
        del start
        if finish == "memory":
            self._made.set()
        else:
            self._copied.discard(key)

    async def call(self, work: bytes, keys: Sequence[str], patience: float) -> dict[str, Any]:
        """Have a worker do something; return its answer, or why there is none.

        Args:
            work: The pickled function with its arguments.
            keys: Of the values that it needs.
            patience: After so many seconds without an answer the worker is probed, and those that hold the values,
                for which it may be waiting itself; if one of them is given up there will be no answer.
        """
        where = await self._where(keys)
        workers = self._ranked()
        holder = next((worker for worker in workers if _soon_free(worker)), None)
        if where is None or holder is None:
            return {"passed": "a value is not there yet" if holder is not None else "no worker is free"}
        address = self._last = str(holder.address)
        self._copy(where, [address, *(str(worker.address) for worker in workers if worker is not holder)][:2])
        self._calling[address] = self._calling.get(address, 0) + 1
        asking = asyncio.ensure_future(self._ask(address, work, where))
        try:
            silent = await self._silent(asking, {address, *itertools.chain(*where.values())}, patience)
            return {"passed": f"the worker {silent} does not answer"} if silent else asking.result()
        finally:
            asking.cancel()
            self._calling[address] -= 1
            if not self._calling[address]:
                del self._calling[address]

    async def _silent(self, asking: "asyncio.Future[Any]", addresses: set[str], patience: float) -> str:
        """Wait for an answer; return the name of a worker because of which there will be none."""
        while not (await asyncio.wait([asking], timeout=patience))[0]:
            known = [self._scheduler.workers[one] for one in addresses if one in self._scheduler.workers]
            probe = asyncio.ensure_future(self._liveness.give_up(known, patience))
            try:
                await asyncio.wait([asking, probe], return_when=asyncio.FIRST_COMPLETED)
            finally:
                probe.cancel()
            if not asking.done() and probe.result():
                return probe.result()[0]
        return ""

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
                            key: self._answering([holder.address for holder in state.who_has])
                            for key, state in zip(keys, states, strict=True)
                        }
                    await self._made.wait()
        except TimeoutError:
            return None

    def _answering(self, addresses: list[str]) -> list[str]:
        """Leave out those that have not answered yet, if others are left."""
        return [one for one in addresses if not self._liveness.suspects(one)] or addresses

    def _copy(self, where: Mapping[str, Sequence[str]], workers: Sequence[str]) -> None:
        """Have each value that lies on one worker only copied to the last of these that is another."""
        missing: dict[str, list[str]] = {}
        for key, (first, *others) in where.items():
            other = next((worker for worker in reversed(workers) if worker != first), "")
            if other and not others and key not in self._copied:
                self._copied.add(key)
                missing.setdefault(other, []).append(key)
        for worker, keys in missing.items():
            self._scheduler.request_acquire_replicas(worker, keys, stimulus_id=f"copy-{time.time()}")

    def _ranked(self) -> list[Any]:
        """Sort the workers by how much they have to do; of several, first the one that was called last.

        That one holds most values.
        """

        def busy(worker: Any) -> tuple[bool, bool, int, bool, str]:
            calls = self._calling.get(worker.address, 0)
            young = self._liveness.age(worker.address) < _YOUNG_SECONDS
            load = (len(worker.processing) + calls) // worker.nthreads
            return self._liveness.suspects(worker.address), young, load, worker.address != self._last, worker.address

        return sorted(self._scheduler.running, key=busy)


def _soon_free(worker: Any) -> bool:
    """Say whether a worker has no tasks that will take long.

    A call would wait for the one that is chosen, and a task waits for whichever is free first.
    """
    return len(worker.processing) < worker.nthreads or worker.occupancy < _BUSY_SECONDS


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
