"""One run of a function on an endpoint: it waits for a node, runs in a process of its own, and may lose its node."""

import json
import os
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steering.core.json import Json
from steering.globus.payload import JSON, LIMIT, Source
from steering.globus_double_data.call import Document, Person
from steering.globus_double_data.ground import Ground

_WORKER = Path(__file__).with_name("worker.py")


@dataclass
class Endpoint:
    """A place that runs functions.

    Attributes:
        id: A UUID.
        name: As people read it.
        nodes: How many functions run at once.
        queues: By name, whether its nodes may be taken away.
        refused: Queues that the batch system does not let us use.
        busy: How many functions run now.
    """

    id: str
    name: str
    nodes: int
    queues: dict[str, bool]
    refused: frozenset[str]
    busy: int = 0


@dataclass
class ComputeTask:
    """A run. What changes is written under the ground's lock."""

    endpoint: Endpoint
    function: Source
    arguments: list[Json]
    keywords: dict[str, Json]
    queue: str
    walltime: float
    owner: Person
    ground: Ground
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "waiting-for-ep"
    result: str | None = None
    exception: str | None = None
    completed: float | None = None
    _process: "subprocess.Popen[bytes] | None" = None
    _lost: bool = False
    # The end of a pipe that the process holds on to: it ends with us.
    _held: int = -1

    @property
    def preemptible(self) -> bool:
        """Whether its node may be taken away."""
        return self.endpoint.queues.get(self.queue, False)

    def run(self) -> None:
        """Run it to its end."""
        if self.queue in self.endpoint.refused:
            words = f"qsub: Unauthorized Request: access to the queue {self.queue} is denied"
            self._end(exception=f"parsl.jobs.errors.SubmitException: Cannot launch job: {words}")
            return
        if not self._begin():
            return
        try:
            self._end(**self._answer())
        finally:
            if self._held >= 0:
                os.close(self._held)
            with self.ground.lock:
                self.endpoint.busy -= 1
                self.ground.lock.notify_all()

    def lose_node(self) -> bool:
        """Take its node away; return whether it ran on one that may be taken."""
        with self.ground.lock:
            running = self.preemptible and self._process is not None and self.completed is None
            if running and self._process is not None:
                self._lost = True
                self._process.kill()
            return running

    def document(self) -> Document:
        """Describe it as Compute does. Call with the lock."""
        known: Document = {"task_id": self.id, "status": self.status, "details": {}}
        if self.completed is not None:
            known["completion_t"] = str(self.completed)
        if self.result is not None:
            known["result"] = self.result
        if self.exception is not None:
            known["exception"] = self.exception
        return known

    def _begin(self) -> bool:
        with self.ground.lock:
            if not self.ground.until(self._free):
                return False
            self.status = "running"
            self.endpoint.busy += 1
            self.ground.effects.functions_started += 1
            self._lost = self.preemptible and self.ground.faults.preempted > 0
            self.ground.faults.preempted -= self._lost
            if not self._lost:
                # "-P": the folder of the worker holds modules of ours, which hide nobody else's.
                lifeline, self._held = os.pipe()
                command = [sys.executable, "-P", str(_WORKER), str(lifeline)]
                pipe = subprocess.PIPE
                self._process = subprocess.Popen(  # noqa: S603  (our own worker)
                    command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, pass_fds=[lifeline]
                )
                os.close(lifeline)
            self.ground.lock.notify_all()
            return True

    def _free(self) -> bool:
        away = self.endpoint.id in self.ground.faults.offline
        self.status = "waiting-for-ep" if away else "waiting-for-nodes"
        return not away and self.endpoint.busy < self.endpoint.nodes and not self.ground.closing

    def _answer(self) -> dict[str, Any]:
        process = self._process
        if process is None:
            return {"exception": _lost_manager(self.endpoint.name)}
        asked = {"name": self.function.name, "source": self.function.text}
        question = json.dumps({**asked, "arguments": self.arguments, "keywords": self.keywords}).encode()
        self.ground.work(lambda: self._guard(process), f"guard-{self.id[:8]}")
        with suppress(BrokenPipeError):
            answer, _ = process.communicate(question)
            said: Document = json.loads(answer or b"{}")
            if said:
                with self.ground.lock:
                    self.ground.effects.functions_run += 1
                return _within_limit(said)
        return {"exception": _lost_manager(self.endpoint.name)}

    def _guard(self, process: "subprocess.Popen[bytes]") -> None:
        """End the process when its walltime is over, or the double ends."""
        deadline = time.monotonic() + self.walltime * self.ground.time_scale
        self.ground.until(lambda: self.completed is not None, deadline - time.monotonic())
        if process.poll() is None:
            process.kill()

    def _end(self, *, result: str | None = None, exception: str | None = None) -> None:
        with self.ground.lock:
            self.result, self.exception, self.completed = result, exception, time.time()
            self.status = "success" if exception is None else "failed"
            self.ground.lock.notify_all()


def _within_limit(said: Document) -> Document:
    if "exception" in said:
        return {"exception": str(said["exception"])}
    size = len(str(said["result"]))
    if size > LIMIT:
        return {"exception": f"MaxResultSizeExceeded: Task result of {size} bytes exceeded current maximum of {LIMIT}"}
    return {"result": f"{JSON}{said['result']}"}


def _lost_manager(host: str) -> str:
    return f"parsl.executors.high_throughput.errors.ManagerLost: Task failure due to loss of manager on host {host}"
