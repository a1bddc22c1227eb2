"""What the actions of a flow do: the providers that Globus runs, on the services of the double."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from steering.core.errors import SteeringError
from steering.globus.payload import write_arguments
from steering.globus_double.compute import Compute, output_of
from steering.globus_double.web_inputs import WebInputs
from steering.globus_double_data.call import Call, Document, Grant, Person, RefusedError
from steering.globus_double_data.collection import Collections
from steering.globus_double_data.ground import Ground
from steering.globus_double_data.search import Search
from steering.globus_double_data.transfer import Transfer


class Running(Protocol):
    """The run that an action belongs to."""

    id: str
    owner: Person
    dependents: frozenset[str]
    label: str
    flow: Document

    def stopped(self) -> bool:
        """Whether it was cancelled."""
        ...

    def show(self, acting: Callable[[], Document]) -> None:
        """Show how far the action is; called with the lock."""
        ...


@dataclass(frozen=True)
class Outcome:
    """How an action ended, and what it says."""

    well: bool
    details: Document = field(default_factory=dict[str, Any])


class ActionTimeoutError(Exception):
    """An action did not end in its time."""


@dataclass(frozen=True)
class Services:
    """What actions work on."""

    ground: Ground
    collections: Collections
    transfer: Transfer
    search: Search
    compute: Compute
    web_inputs: WebInputs


class Actions:
    """All providers, by URL."""

    def __init__(self, services: Services) -> None:
        """Work on the double's services."""
        self._on = services
        old, new = "https://actions.globus.org", "https://transfer.actions.globus.org"
        self._known: dict[str, Callable[[Document, Running, float], Outcome]] = {
            f"{old}/hello_world": self._hello,
            f"{old}/transfer/transfer": self._transfer,
            f"{new}/transfer": self._transfer,
            f"{old}/transfer/set_permission": self._permit,
            f"{new}/set_permission": self._permit,
            f"{old}/search/ingest": self._ingest,
            f"{old}/weboption/wait_for_option": self._ask,
            "https://compute.actions.globus.org": self._compute,
            "https://compute.actions.globus.org/v3": self._compute,
        }

    def known(self, url: str) -> bool:
        """Say whether there is such a provider."""
        return url.rstrip("/") in self._known

    def run(self, url: str, parameters: Document, run: Running, seconds: float) -> Outcome:
        """Do an action and wait for its end.

        Args:
            url: Of the provider.
            parameters: As the flow gives them.
            run: Which it belongs to.
            seconds: For how long to wait, scaled already.

        Raises:
            RefusedError: If it cannot begin.
            ActionTimeoutError: If it does not end in its time.
        """
        return self._known[url.rstrip("/")](parameters, run, seconds)

    def _hello(self, parameters: Document, run: Running, seconds: float) -> Outcome:
        sleep = float(parameters.get("sleep_time") or 0.0) * self._on.ground.time_scale
        if sleep > seconds:
            raise ActionTimeoutError
        self._on.ground.until(run.stopped, sleep)
        return Outcome(well=True, details={"Hello": "World", "hello": parameters.get("echo_string")})

    def _transfer(self, parameters: Document, run: Running, seconds: float) -> Outcome:
        given: Any = parameters.get("transfer_items") or parameters.get("DATA") or []
        call = _call(run)
        ends = [
            self._on.collections.for_data(
                str(parameters.get(f"{end}_endpoint_id") or parameters.get(f"{end}_endpoint")), call
            )
            for end in ("source", "destination")
        ]
        body = {**parameters, "DATA": given, "label": str(parameters.get("label") or run.label)}
        task = self._on.transfer.submit(body, run.owner, (ends[0], ends[1]))
        run.show(task.document)
        try:
            self._wait(lambda: task.completed is not None, run, seconds)
        except ActionTimeoutError:
            task.cancel()
            raise
        if run.stopped():
            task.cancel()
        with self._on.ground.lock:
            return Outcome(task.status == "SUCCEEDED", task.document())

    def _permit(self, parameters: Document, run: Running, seconds: float) -> Outcome:
        del run, seconds
        made = self._on.transfer.give(str(parameters.get("endpoint_id") or parameters.get("endpoint")), parameters)
        return Outcome(well=True, details={"access_id": made["id"], "code": "Created"})

    def _ingest(self, parameters: Document, run: Running, seconds: float) -> Outcome:
        entry = {name: value for name, value in parameters.items() if name != "search_index"}
        document = {"ingest_type": "GMetaEntry", "ingest_data": entry}
        task = self._on.search.ingest(str(parameters.get("search_index")), document)
        self._wait(lambda: self._on.search.task(task)["state"] != "PENDING", run, seconds)
        details = self._on.search.task(task)
        return Outcome(details["state"] == "SUCCESS", details)

    def _compute(self, parameters: Document, run: Running, seconds: float) -> Outcome:
        tasks = cast("list[Document]", parameters.get("tasks") or [parameters])
        endpoint = str(parameters.get("endpoint_id") or tasks[0].get("endpoint") or parameters.get("endpoint"))
        config: Any = parameters.get("user_endpoint_config") or {"queue": "debug", "account": "flow"}
        made = self._on.compute.begin(endpoint, [_wanted(one) for one in tasks], cast("Document", config), run.owner)
        run.show(made[0].document)
        self._wait(lambda: all(task.completed is not None for task in made), run, seconds)
        failed = [task.exception for task in made if task.exception is not None]
        if failed or run.stopped():
            return Outcome(well=False, details={"exception": failed[0] if failed else "cancelled"})
        outputs = [output_of(task) for task in made]
        results = [{"task_id": task.id, "output": output} for task, output in zip(made, outputs, strict=True)]
        return Outcome(well=True, details={"result": outputs, "results": results})

    def _ask(self, parameters: Document, run: Running, seconds: float) -> Outcome:
        question = self._on.web_inputs.ask(parameters, run.id, run.label, run.flow, run.owner)
        try:
            self._wait(lambda: question.answer is not None, run, seconds)
        finally:
            self._on.web_inputs.close(question)
        answered = question.answer or {}
        return Outcome(well=bool(answered), details=answered)

    def _wait(self, true: Callable[[], bool], run: Running, seconds: float) -> None:
        """Wait until something is true or the run is cancelled.

        Raises:
            ActionTimeoutError: If neither comes in time.
        """
        if not self._on.ground.until(lambda: true() or run.stopped(), seconds) and not self._on.ground.closing:
            raise ActionTimeoutError


def _wanted(task: Document) -> tuple[str, str]:
    given: Any = task.get("args", [])
    arguments = cast("list[Any]", given if isinstance(given, list) else [given])
    keywords = cast("Document", task.get("kwargs") or task.get("payload") or Document())
    try:
        payload = write_arguments(arguments, keywords)
    except SteeringError as error:
        raise RefusedError(422, "InvalidPayload", str(error)) from error
    return str(task.get("function_id") or task.get("function")), payload


def _call(run: Running) -> Call:
    grant = Grant(run.owner, "transfer.api.globus.org", frozenset(), run.dependents, 0.0)
    return Call("POST", "/v0.10/transfer", grant=grant)
