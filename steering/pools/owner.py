"""The process that owns a facility's scheduler and jobs: ``python -m steering.pools.owner``.

It runs three tasks on one event loop. One keeps the scheduler alive and exchanges messages with its mailbox. One
watches the jobs and carries out the orders of the ledgers. One ends everything when nobody has used it for long. The
submitted jobs are written to a file, so that another owner can take them over or end them if this one is killed.
"""

import argparse
import asyncio
import gc
import json
import logging
import math
import secrets
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from steering.compute.batch import BatchSystem, NoAnswerError
from steering.compute.site import Site, read_site
from steering.compute.systems import batch_system
from steering.compute.urgency import choose
from steering.core.errors import SteeringError, said
from steering.core.json import Json
from steering.core.pool import PoolRequest
from steering.core.waiting import end_tasks
from steering.machine.identity import BEAT_SECONDS, beat, identity, leave, mine
from steering.machine.lifeline import hold_while_starting
from steering.machine.secret_file import make_private, write_secret
from steering.machine.steady import steady
from steering.pools.child import SchedulerChild
from steering.pools.pool import Pool
from steering.pools.saved_pools import PoolRecord, SavedPools, read_saved_pools, write_saved_pools
from steering.pools.scaling import Load

_TALK_SECONDS = 0.2
# A scheduler that cannot be started again (no memory, a full disk) is tried again after so many seconds.
_AGAIN_SECONDS = 5.0
_END_SECONDS = 25.0
_LOG = logging.getLogger(__name__)


class Owner:
    """The pools of one facility, and the scheduler that they work for."""

    def __init__(self, site: Site, file: Path, directory: Path, nodes: int = 0) -> None:
        """Set it up; nothing is started yet.

        Args:
            site: Description of the facility.
            file: Connection file to write when the owner is ready.
            directory: The owner's own folder, which login and compute nodes share.
            nodes: Nodes of the usual pool, which is started at once; 0 starts none.
        """
        self._nodes = nodes
        self._site = site
        self._file = file
        self._directory = directory
        self._batch: BatchSystem = batch_system(site)
        self._pools: dict[str, Pool] = {}
        self._tag = secrets.token_hex(2)
        self._scheduler = SchedulerChild(directory, site.scheduler_interface, dashboard=site.batch == "process")
        self._answers: dict[str, dict[str, Any]] = {}
        self._asking: set[asyncio.Task[None]] = set()
        # Tickets whose answer the scheduler does not have yet.
        self._taken: set[str] = set()
        # The newest request for each pool, by the pool's name.
        self._newest: dict[str, PoolRequest] = {}
        self._past_hours = 0.0
        self._used = steady()
        self._saved = SavedPools()
        self._beaten = -math.inf
        # The connection of a scheduler that is not written down yet.
        self._unwritten: dict[str, Json] | None = None
        # What was logged last of it, and of the looks at the jobs.
        self._trouble = self._mistake = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Run until told to stop, unused for the site's linger time, or replaced by another owner."""
        for name in ("logs", "jobs"):
            make_private(self._directory / name)
        await self._take_over()
        connection = await self._scheduler.start()
        await self._begin()
        write_secret(self._file, identity() | connection)
        talking, watching = asyncio.create_task(self._talk()), asyncio.create_task(self._watch())
        told = asyncio.create_task(stop.wait())
        try:
            while not told.done() and not self._unused() and self._owns():
                done, _ = await asyncio.wait(
                    [told, talking, watching], timeout=1.0, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done - {told}:
                    task.result()
        finally:
            # Do this first, so that new requests go to the next owner.
            leave(self._file)
            told.cancel()
            await end_tasks(talking, watching)
            await asyncio.gather(*self._asking, return_exceptions=True)
            if mine(self._file):
                await self._end()
            else:
                # Another owner has taken over, with all jobs.
                await self._scheduler.stop()

    async def _begin(self) -> None:
        """Start the usual pool before any session attaches, so that workers and session start at the same time."""
        if not self._nodes or self._pools:
            return
        try:
            await self._take(PoolRequest(nodes=self._nodes))
        except SteeringError as error:
            # A session that attaches finds no pool, asks for one, and gets the same error.
            _LOG.warning("the usual pool cannot be begun: %s", error)

    async def _end(self) -> None:
        """End all jobs and wait until the batch system says that they have ended, for a limited time."""
        for pool in self._pools.values():
            pool.end()
        deadline = time.monotonic() + _END_SECONDS
        while time.monotonic() < deadline and any(pool.ledger.alive for pool in self._pools.values()):
            await self._stepped()
            await asyncio.sleep(min(self._site.poll, 0.5) if self._site.batch != "process" else 0.1)
        await self._scheduler.stop()

    async def _take_over(self) -> None:
        """Take over the jobs of an owner that was killed. Their workers look for the new scheduler."""
        saved = read_saved_pools(self._directory)
        self._past_hours = saved.node_hours
        if self._site.batch == "process":
            # They have ended with it.
            self._past_hours = saved.node_hours_in_all
            return
        for record in saved.pools:
            pool = self._pool_of(record)
            pool.adopt(record.jobs, steady())
            if record.nodes <= 0:
                # The earlier owner was killed while it ended this pool.
                pool.end()
            self._pools[record.pool] = pool

    def _pool_of(self, record: PoolRecord) -> Pool:
        """Make a pool again from its record, in the queue that accepted its jobs, even if another is preferred."""
        site = self._site
        if record.queue in site.queues:
            site = replace(site, preference={record.urgency: (record.queue,)})
        request = PoolRequest(record.pool, record.urgency, record.nodes, record.most_nodes, record.walltime)
        nodes = max(record.nodes, record.nodes_per_job)
        choice = choose(site, replace(request, nodes=nodes), {}, nodes_per_job=record.nodes_per_job)
        return Pool(self._site, request, choice, self._directory, self._prefix(record.pool))

    async def _talk(self) -> None:
        """Exchange status and requests with the scheduler's mailbox, and keep the scheduler alive."""
        while True:
            try:
                if not await self._renew():
                    # Make ``_owns`` check the file again at once, which ends this owner.
                    self._beaten = -math.inf
                    return
            except Exception as error:  # noqa: BLE001  (whatever ends a start or a write, it is tried again)
                # The jobs have waited in a queue for their nodes. They are not given back for this.
                self._warn("no scheduler can be started, or its address cannot be written down", error)
                if not self._scheduler.alive:
                    await asyncio.sleep(_AGAIN_SECONDS)
                    continue
            answers, self._answers = self._answers, {}
            try:
                heard = await self._scheduler.exchange(self._status(), answers)
                self._taken -= answers.keys()
                self._hear(heard)
            except Exception as error:  # noqa: BLE001  (what a handler of the scheduler raises is raised here)
                self._answers = answers | self._answers
                self._warn("the scheduler did not answer", error)
            await asyncio.sleep(_TALK_SECONDS)

    async def _renew(self) -> bool:
        """Start another scheduler if none answers, and write its address down; return whether the file is ours.

        Raises:
            SteeringError: If it does not come up, or the folder cannot be written.
            OSError: If there is no process to be had, or no room.
        """
        if not self._scheduler.alive or self._scheduler.hangs:
            _LOG.warning("the scheduler %s; starting another", "hangs" if self._scheduler.alive else "is gone")
            self._unwritten = await self._scheduler.start()
        if self._unwritten is None:
            return True
        if not mine(self._file):
            return False
        write_secret(self._file, identity() | self._unwritten)
        self._unwritten = None
        return True

    def _warn(self, what: str, error: Exception) -> None:
        """Log what is tried again, once until it is something else."""
        if (trouble := f"{what}: {said(error)}") != self._trouble:
            self._trouble = trouble
            _LOG.warning("%s; it is tried again", trouble)

    def _hear(self, heard: Mapping[str, Any]) -> None:
        now = steady()
        # The scheduler reports an age, not a time, because the clocks of two processes may differ.
        self._used = max(self._used, now - float(heard["unused"]))
        load = Load(float(heard["seconds"]), int(heard["threads"]), int(heard["tasks"]))
        for pool in self._pools.values():
            others = sum(other.ledger.node_hours for other in self._pools.values() if other is not pool)
            pool.follow(heard["workers"], load, now, self._site.node_hours - self._past_hours - others)
        for order in heard["orders"]:
            ticket = str(order["ticket"])
            if ticket in self._taken:
                # It is repeated until its answer is there.
                continue
            self._taken.add(ticket)
            task = asyncio.create_task(self._answer(ticket, order["request"]))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _answer(self, ticket: str, request: Mapping[str, Any]) -> None:
        try:
            self._answers[ticket] = {"said": await self._take(PoolRequest(**request))}
        except Exception as error:  # noqa: BLE001  (whoever asks waits for an answer, whatever it is)
            self._answers[ticket] = {"error": str(error) or said(error)}

    async def _take(self, request: PoolRequest) -> str:
        """Carry out a request; return a sentence that says what will be done.

        Of two requests for one pool the later one holds, also if the earlier one still waits for the batch system.
        """
        name = request.pool or request.urgency
        self._newest[name] = request = replace(request, pool=name)
        if request.nodes <= 0:
            pool = self._pools.get(name)
            if pool is None:
                message = f"There is no pool {name!r}. Pools: {', '.join(self._pools) or 'none'}."
                raise SteeringError(message)
            pool.end()
            return f"Pool {name} ends: its jobs are given back."
        try:
            states = await self._batch.queues()
        except NoAnswerError as error:
            states = {}
            _LOG.warning("no answer about queues: %s", error)
        if self._newest[name] is not request:
            return f"Pool {name}: a later request came before this one was carried out. The later one holds."
        # Look for the pool only now: while the batch system answered, it may have ended, or begun.
        pool = self._pools.get(name)
        usual = pool.choice.nodes if pool is not None and pool.ledger.alive else 0
        choice = choose(self._site, request, states, nodes_per_job=usual)
        if pool is None:
            self._pools[name] = Pool(self._site, request, choice, self._directory, self._prefix(name))
        else:
            pool.change(request, choice)
        return f"Pool {name} on {choice.why}"

    async def _watch(self) -> None:
        while True:
            await self._stepped()
            await asyncio.sleep(self._site.poll if not self._young() else min(self._site.poll, 0.5))

    async def _stepped(self) -> None:
        """Do what is due. A mistake is told and costs that once; it ends no job."""
        try:
            await self._step()
        except Exception as error:  # noqa: BLE001  (a reader of a batch system's words may raise anything)
            if (mistake := said(error)) != self._mistake:
                self._mistake = mistake
                _LOG.warning("a look at the jobs failed; the next one follows: %s", mistake, exc_info=error)
        else:
            self._mistake = ""

    async def _step(self) -> None:
        """Do what is due for each pool; raise the first mistake once all had their turn."""
        mistakes: list[Exception] = []
        # Carry out orders before queries, because a batch system may take long to answer.
        for look in (False, True):
            for pool in list(self._pools.values()):
                try:
                    await (pool.look(self._batch) if look else pool.act(self._batch, self._remember))
                except Exception as error:  # noqa: BLE001  (raised below)
                    mistakes.append(error)
                    pool.silence = f"The compute owner made a mistake ({said(error)}). Its log says where."
        for name in [name for name, pool in self._pools.items() if pool.over]:
            self._past_hours += self._pools.pop(name).ledger.node_hours
        self._remember()
        if mistakes:
            raise mistakes[0]

    def _remember(self) -> None:
        """Write the submitted jobs to the file for another owner."""
        # Without those of jobs that go on: the next owner counts these from when they began.
        hours = self._past_hours + sum(pool.ledger.past_hours for pool in self._pools.values())
        saved = SavedPools.of([pool.record() for pool in self._pools.values() if pool.ledger.alive], hours)
        if saved == self._saved:
            return
        try:
            write_saved_pools(self._directory, saved)
        except OSError as error:
            # A full disk must not end the owner and its jobs. The file is written as soon as there is room.
            _LOG.warning("what is out cannot be written down: %s", error)
        else:
            self._saved = saved

    def _young(self) -> bool:
        """Return whether some jobs have no workers yet. The watch then polls faster, so that mistakes show soon."""
        return any(not job.joined for pool in self._pools.values() for job in pool.ledger.alive)

    def _owns(self) -> bool:
        """Show owners on other hosts that this one is alive; return whether it still owns the file.

        Another owner takes over if this one is silent for long.
        """
        if time.monotonic() - self._beaten < BEAT_SECONDS:
            return True
        self._beaten = time.monotonic()
        if not mine(self._file):
            _LOG.warning("another owner has taken over; this one ends")
            return False
        beat(self._file)
        return True

    def _unused(self) -> bool:
        return self._site.linger > 0 and steady() - self._used > self._site.linger

    def _prefix(self, pool: str) -> str:
        return f"{pool[:5]}{self._tag}"

    def _status(self) -> dict[str, Any]:
        shown = [pool for pool in self._pools.values() if pool.ledger.wanted or pool.ledger.alive]
        return {
            "pools": [asdict(pool.status()) for pool in shown],
            "node_hours": self._past_hours + sum(pool.ledger.node_hours for pool in self._pools.values()),
            "node_hours_allowed": self._site.node_hours,
            "urgencies": list(self._site.preference),
            "restarts": self._scheduler.restarts,
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the owner; return its exit code."""
    hold_while_starting()
    # Searched through at the end, what is loaded would cost a fifth of a second of a core. None of it is garbage.
    gc.freeze()
    parser = argparse.ArgumentParser(prog="python -m steering.pools.owner")
    parser.add_argument("--site", required=True, help="name of the facility")
    parser.add_argument("--defaults", type=Path, required=True, help="YAML file with its section")
    parser.add_argument("--settings", default="{}", help="JSON object that goes before that section")
    parser.add_argument("--file", type=Path, required=True, help="connection file to write")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True, help="folder of its own that the nodes see")
    parser.add_argument("--nodes", type=int, default=0, help="of the usual pool, begun at once")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    site = read_site(options.site, options.defaults, options.workspace, json.loads(options.settings))

    async def own() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await Owner(site, options.file, options.directory, options.nodes).run(stop)

    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(own())
    except SteeringError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        if mine(options.file):
            options.file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
