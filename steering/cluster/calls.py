"""Calls: run a function on a worker at once, outside Dask's graph, and send its value straight back.

A task takes about ten messages between client, scheduler and workers, and most of them are batched for a while. A call
takes four. Calls are for values that are worthless if they come late, such as the newest result. Nothing of a call is
kept, and nothing is tried twice. If a call cannot be done now it is passed over, and the caller can submit a task
instead.

The next calls need the same values as this one. So each value is copied to a second worker: if a worker is lost,
nothing has to be computed again before the next call can be answered.

The client sends the pickled function to the scheduler (:class:`Exchange`), which picks a free worker and knows where
the values are. The worker (:class:`Callee`) fetches missing values from its peers. The scheduler unpickles nothing, and
all messages go over Dask's own TLS connections.
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

# Longest wait for a value that was just submitted or is being computed.
_VALUE_SECONDS = 0.1
# A worker is worth waiting for if Dask expects it to be free within this time.
_BUSY_SECONDS = 0.25
# A worker that joined less than this time ago is called only if there is no other.
_YOUNG_SECONDS = 3.0


@dataclass(frozen=True)
class Slot:
    """Placeholder for a value on workers, by its key."""

    key: str


class Exchange(SchedulerPlugin):
    """Hands calls to workers. Runs in the scheduler's process, on its event loop."""

    def __init__(self, scheduler: Any, liveness: Liveness) -> None:
        """Add the handler to a scheduler that has not been started.

        Args:
            scheduler: The scheduler whose workers are called.
            liveness: Knows which of these workers are silent.
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
        """Note that a value is available, or no longer available."""
        del start
        if finish == "memory":
            self._made.set()
        else:
            self._copied.discard(key)

    async def call(self, work: bytes, keys: Sequence[str], patience: float) -> dict[str, Any]:
        """Run a function on a worker; return its answer, or the reason why there is none.

        Args:
            work: The pickled function with its arguments.
            keys: Keys of the values that it needs.
            patience: After this many seconds without an answer, the worker is probed. The workers that hold the values
                are probed too, because it may be waiting for them. If one of them is given up, there is no answer.
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
        """Wait for an answer. If a worker was given up first, return its name; otherwise return an empty string."""
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
        """Find out which workers hold each value. Wait a short time for values that are not available yet."""
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
        """Leave out workers that have not answered a probe yet, unless no other worker is left."""
        return [one for one in addresses if not self._liveness.suspects(one)] or addresses

    def _copy(self, where: Mapping[str, Sequence[str]], workers: Sequence[str]) -> None:
        """Copy each value that only one worker holds to the last of ``workers`` that is not its holder."""
        missing: dict[str, list[str]] = {}
        for key, (first, *others) in where.items():
            other = next((worker for worker in reversed(workers) if worker != first), "")
            if other and not others and key not in self._copied:
                self._copied.add(key)
                missing.setdefault(other, []).append(key)
        for worker, keys in missing.items():
            self._scheduler.request_acquire_replicas(worker, keys, stimulus_id=f"copy-{time.time()}")

    def _ranked(self) -> list[Any]:
        """Sort the workers, best first: workers that answer, that did not just join, and that have the least to do.

        Of equal workers, the one that was called last comes first, because it holds most of the values.
        """

        def busy(worker: Any) -> tuple[bool, bool, int, bool, str]:
            calls = self._calling.get(worker.address, 0)
            young = self._liveness.age(worker.address) < _YOUNG_SECONDS
            load = (len(worker.processing) + calls) // worker.nthreads
            return self._liveness.suspects(worker.address), young, load, worker.address != self._last, worker.address

        return sorted(self._scheduler.running, key=busy)


def _soon_free(worker: Any) -> bool:
    """Return whether a worker is free, or is expected to be free soon.

    A call waits for the worker that was chosen, whereas a task goes to whichever worker is free first.
    """
    return len(worker.processing) < worker.nthreads or worker.occupancy < _BUSY_SECONDS


class Callee:
    """Runs calls in the worker's process.

    Args:
        worker: A worker that has not been started.
    """

    def __init__(self, worker: Any) -> None:
        """Add the handler to a worker that has not been started."""
        self._worker = worker
        self._taken: dict[str, Any] = {}
        worker.handlers["steering_call"] = self.call

    async def call(self, work: bytes, where: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Run a pickled function; return its pickled value or error, or the reason why it cannot run.

        Args:
            work: The function with its arguments, in which a :class:`Slot` stands for each value.
            where: Addresses of the workers that hold each value, by key.
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
        # Keep the fetched values: the next call, a few milliseconds later, needs them again.
        self._taken = {key: value for key, value in known.items() if key not in held}
        # Use the executor of the worker's tasks, so that calls and tasks take turns: user code need not be thread-safe.
        executor = self._worker.executors["default"]
        return await asyncio.get_running_loop().run_in_executor(executor, _answer, work, known)


def pack(function: Callable[..., Any], arguments: Sequence[Any]) -> bytes:
    """Pickle a function with its arguments. A function of a notebook is pickled by value."""
    import cloudpickle

    return cloudpickle.dumps((function, tuple(arguments)))


def unpack(answer: Mapping[str, Any]) -> Any:
    """Return the value of an answer, or raise its error."""
    # The bytes come from Dask's own TLS peer.
    value = pickle.loads(answer["pickled"])  # noqa: S301  (see above)
    if answer["failed"]:
        raise value
    return value


def _answer(work: bytes, values: Mapping[str, Any]) -> dict[str, Any]:
    import cloudpickle

    try:
        # The bytes come from Dask's own TLS peer.
        function, arguments = pickle.loads(work)  # noqa: S301  (see above)
        value = function(*(values[item.key] if isinstance(item, Slot) else item for item in arguments))
        return {"failed": False, "pickled": cloudpickle.dumps(value)}
    except Exception as error:  # noqa: BLE001  (raised where the value is asked for, as with a task)
        return {"failed": True, "pickled": _dumps_error(error)}


def _dumps_error(error: Exception) -> bytes:
    import cloudpickle

    try:
        content = cloudpickle.dumps(error)
        pickle.loads(content)  # noqa: S301  (our own bytes from the line above: check that they can be read)
    except Exception:  # noqa: BLE001  (pickling an error may raise anything; then its text must do)
        return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
    return content
