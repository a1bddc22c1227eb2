"""Globus Compute: functions that are registered as text, and run on endpoints."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from steering.core.errors import SteeringError
from steering.globus.payload import JSON, LIMIT, Source, read_arguments, read_code
from steering.globus_double.compute_task import ComputeTask, Endpoint
from steering.globus_double_data.call import Call, Document, Person, RefusedError, Route
from steering.globus_double_data.ground import Ground

_QUEUES = {"preemptable": True, "debug": False, "demand": False}
_CONFIG = {
    "queue",
    "account",
    "walltime",
    "nodes_per_block",
    "max_blocks",
    "max_idletime",
    "select_options",
    "scheduler_options",
}
_USUAL_WALLTIME = "1:00:00"
_SERIALIZERS = ("globus_compute_sdk.serialize.JSONData", "globus_compute_sdk.serialize.concretes.JSONData")


class Compute:
    """Globus Compute."""

    name = "compute"
    server = "funcx_service"

    def __init__(self, ground: Ground) -> None:
        """Begin without an endpoint."""
        self._ground = ground
        self._endpoints: dict[str, Endpoint] = {}
        self._functions: dict[str, tuple[Source, str]] = {}
        self._tasks: dict[str, ComputeTask] = {}
        self._groups: dict[str, list[str]] = {}

    def routes(self) -> Sequence[Route]:
        """List its addresses."""
        return (
            Route("GET", "/v2/version", lambda _: {"api": "double"}),
            Route(
                "GET", "/v2/endpoints", lambda _: cast("Document", [_shown(one) for one in self._endpoints.values()])
            ),
            Route("GET", "/v2/endpoints/{id}", lambda call: _shown(self._endpoint(call.parts["id"]))),
            Route("GET", "/v2/endpoints/{id}/status", self._status),
            Route("GET", "/v2/functions/{id}", self._function),
            Route("POST", "/v2/functions", self._register),
            Route("POST", "/v3/functions", self._register),
            Route("POST", "/v3/endpoints/{id}/submit", self._submit),
            Route("GET", "/v2/tasks/{id}", lambda call: self._described(self._task(call.parts["id"], call.person))),
            Route("POST", "/v2/batch_status", self._batch),
            Route("GET", "/v2/taskgroup/{id}", self._group),
        )

    def refusal(self, error: RefusedError) -> Document:
        """Write a refusal as Compute does."""
        known = {"status": "Failed", "code": error.status, "reason": error.message, "http_status_code": error.status}
        return {**known, "error_args": [], **error.more}

    def endpoint(self, name: str, *, nodes: int = 2, refused: Iterable[str] = ("demand",)) -> Endpoint:
        """Make an endpoint on this machine.

        Args:
            name: As people read it.
            nodes: How many functions run at once.
            refused: Queues that the batch system does not let us use.
        """
        made = Endpoint(str(uuid.uuid4()), name, nodes, dict(_QUEUES), frozenset(refused))
        with self._ground.lock:
            self._endpoints[made.id] = made
        return made

    def preempt(self) -> int:
        """Take the nodes of all runs on a pre-emptible queue; return how many ran."""
        with self._ground.lock:
            return sum(task.lose_node() for task in self._tasks.values())

    def begin(
        self, endpoint: str, wanted: Sequence[tuple[str, str]], config: Document, person: Person
    ) -> list[ComputeTask]:
        """Begin runs.

        Args:
            endpoint: Its id.
            wanted: Of each run the function's id, and the arguments as they are submitted.
            config: The ``user_endpoint_config``.
            person: Whose they are.

        Raises:
            RefusedError: If something is not allowed; nothing has begun then.
        """
        place = self._endpoint(endpoint)
        queue, walltime = _configured(place, config)
        made: list[ComputeTask] = []
        for function, payload in wanted:
            if len(payload) > LIMIT:
                raise RefusedError(413, "PayloadTooLarge", f"The payload is larger than {LIMIT} bytes")
            try:
                arguments, keywords = read_arguments(payload)
            except SteeringError as error:
                raise RefusedError(422, "InvalidPayload", str(error)) from error
            source = self._source(function)
            made.append(ComputeTask(place, source, arguments, keywords, queue, walltime, person, self._ground))
        with self._ground.lock:
            for task in made:
                self._tasks[task.id] = task
                self._ground.work(task.run, f"compute-{task.id[:8]}")
        return made

    def _list(self, call: Call) -> Document:
        del call
        with self._ground.lock:
            # Compute answers with a list, and no object.
            return cast("Document", [_shown(one) for one in self._endpoints.values()])

    def _register(self, call: Call) -> Document:
        packed = call.text("function_code")
        try:
            source = read_code(packed)
        except SteeringError as error:
            raise RefusedError(400, "InvalidFunction", str(error)) from error
        if call.text("function_name") != source.name:
            raise RefusedError(400, "InvalidFunction", "The name is not that of the function")
        made = str(uuid.uuid4())
        with self._ground.lock:
            self._functions[made] = (source, packed)
            self._ground.effects.functions_registered += 1
        return {"function_uuid": made}

    def _function(self, call: Call) -> Document:
        with self._ground.lock:
            source = self._source(call.parts["id"])
            packed = self._functions[call.parts["id"]][1]
        return {"function_uuid": call.parts["id"], "function_name": source.name, "function_code": packed}

    def _submit(self, call: Call) -> Document:
        group = str(call.body.get("task_group_id") or uuid.uuid4())
        config: Any = call.body.get("user_endpoint_config") or Document()
        named: Any = call.body.get("tasks")
        serializers: Any = call.body.get("result_serializers") or _SERIALIZERS
        if not isinstance(named, dict) or not named or not isinstance(config, dict):
            raise RefusedError(400, "BadRequest", "'tasks' is an object: a function's id, and a list of payloads")
        if not set(serializers) & set(_SERIALIZERS):
            raise RefusedError(422, "BadRequest", "The double answers in JSON only: ask for JSONData")
        tasks = cast("Mapping[str, list[str]]", named)
        wanted = [(function, str(payload)) for function, payloads in tasks.items() for payload in payloads]
        made = self.begin(call.parts["id"], wanted, cast("Document", config), call.person)
        with self._ground.lock:
            self._groups.setdefault(group, []).extend(task.id for task in made)
        ids = iter(made)
        answered = {function: [next(ids).id for _ in payloads] for function, payloads in tasks.items()}
        answer: Document = {"request_id": str(uuid.uuid4()), "task_group_id": group}
        return {**answer, "endpoint_id": call.parts["id"], "tasks": answered}

    def _batch(self, call: Call) -> Document:
        wanted = call.body.get("task_ids")
        if not isinstance(wanted, list):
            raise RefusedError(400, "BadRequest", "'task_ids' is a list")
        found: Document = {}
        for one in cast("list[Any]", wanted):
            found[str(one)] = self._described(self._task(str(one), call.person))
        return {"response": "batch", "results": found}

    def _group(self, call: Call) -> Document:
        with self._ground.lock:
            tasks = self._groups.get(call.parts["id"])
        if tasks is None:
            raise RefusedError(404, "TaskGroupNotFound", f"There is no task group {call.parts['id']:.60}")
        return {"taskgroup_id": call.parts["id"], "tasks": [{"id": task} for task in tasks]}

    def _status(self, call: Call) -> Document:
        endpoint = self._endpoint(call.parts["id"])
        with self._ground.lock:
            away = endpoint.id in self._ground.faults.offline
            idle = endpoint.nodes - endpoint.busy
        details = {"total_workers": endpoint.nodes, "idle_workers": idle}
        return {"status": "offline" if away else "online", "details": details}

    def _described(self, task: ComputeTask) -> Document:
        with self._ground.lock:
            return task.document()

    def _task(self, task: str, person: Person) -> ComputeTask:
        with self._ground.lock:
            found = self._tasks.get(task)
        if found is None or found.owner != person:
            raise RefusedError(404, "TaskNotFound", f"There is no task {task:.60}")
        return found

    def _source(self, function: str) -> Source:
        with self._ground.lock:
            found = self._functions.get(function)
        if found is None:
            raise RefusedError(404, "FunctionNotFound", f"There is no function {function:.60}")
        return found[0]

    def _endpoint(self, id: str) -> Endpoint:  # noqa: A002  (as Globus names it)
        with self._ground.lock:
            found = self._endpoints.get(id)
        if found is None:
            raise RefusedError(404, "EndpointNotFound", f"There is no endpoint {id:.60}")
        return found


def _shown(endpoint: Endpoint) -> Document:
    return {"uuid": endpoint.id, "name": endpoint.name, "display_name": endpoint.name, "multi_user": True}


def _configured(endpoint: Endpoint, config: Document) -> tuple[str, float]:
    """Return queue and walltime in seconds of a ``user_endpoint_config``."""
    unknown = sorted(set(config) - _CONFIG)
    if unknown:
        raise RefusedError(422, "InvalidUserConfig", f"{unknown[0]!r:.40} is not in the endpoint's user_config_schema")
    missing = [name for name in ("queue", "account") if not config.get(name)]
    if missing:
        raise RefusedError(422, "InvalidUserConfig", f"user_endpoint_config needs {missing[0]!r}")
    queue = str(config["queue"])
    if queue not in endpoint.queues:
        raise RefusedError(422, "InvalidUserConfig", f"There is no queue {queue!r:.40}: {', '.join(endpoint.queues)}")
    nodes = config.get("nodes_per_block", 1)
    if not isinstance(nodes, int) or nodes < 1:
        raise RefusedError(422, "InvalidUserConfig", f"nodes_per_block is {nodes!r:.40}. Allowed: 1 and more")
    parts = str(config.get("walltime") or _USUAL_WALLTIME).split(":")
    if not all(part.isdecimal() for part in parts) or len(parts) != len(_USUAL_WALLTIME.split(":")):
        raise RefusedError(422, "InvalidUserConfig", f"walltime is {config.get('walltime')!r:.40}. Allowed: H:MM:SS")
    hours, minutes, seconds = (int(part) for part in parts)
    return queue, 3600.0 * hours + 60.0 * minutes + seconds


def output_of(task: ComputeTask) -> Any:
    """Return what a run that went well answered, for a flow."""
    import orjson

    return orjson.loads((task.result or f"{JSON}null").removeprefix(JSON))
