"""One run of a flow: state after state, with its log, until it ends, is cancelled, or needs a consent."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from steering.globus_double.actions import Actions, ActionTimeoutError, Outcome
from steering.globus_double.choices import holds
from steering.globus_double.expressions import ExpressionError, compute
from steering.globus_double.paths import PathError, get, put
from steering.globus_double_data.call import Document, Person, RefusedError
from steering.globus_double_data.ground import Ground, now

_USUAL_WAIT = 300
_PRIVATE, _PRIVATE_LIST = "_private", "__Private_Parameters"
_ALL = "States.ALL"
_SCOPES = "https://auth.globus.org/scopes/"


class _FlowError(Exception):
    """An exception in a flow, by the name that a Catch knows it by."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(cause)
        self.name = name


class _ConsentError(Exception):
    """A consent is missing: the run rests until it is given."""

    def __init__(self, scopes: list[str]) -> None:
        super().__init__()
        self.scopes = scopes


@dataclass
class FlowRun:
    """A run. What changes is written under the ground's lock."""

    flow: Document
    body: Document
    owner: Person
    dependents: frozenset[str]
    label: str
    tags: list[str]
    ground: Ground
    actions: Actions
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "ACTIVE"
    details: Document = field(default_factory=dict[str, Any])
    entries: list[Document] = field(default_factory=list[Any])
    started: str = field(default_factory=now)
    completed: str | None = None
    place: str = ""
    _state: Document = field(default_factory=dict[str, Any])
    _cancelled: bool = False
    _acting: Callable[[], Document] | None = None

    def run(self) -> None:
        """Run from where it stands to its end, or to where a consent is missing."""
        definition = cast("Document", self.flow["definition"])
        if not self.place:
            self.place = str(definition["StartAt"])
            context = {"run_id": self.id, "flow_id": self.flow["id"], "user_id": self.owner.urn}
            self._state = {**self.body, "_context": {**context, "email": self.owner.username}}
            self._log("FlowStarted", "The Flow Instance started execution", {"input": _public(self.body)})
        states = cast("dict[str, Document]", definition["States"])
        while self.place and not self.stopped() and not self.ground.closing:
            try:
                self.place = self._step(self.place, states[self.place])
            except _ConsentError as error:
                self._rest(error.scopes)
                return
            except _FlowError as error:
                caught = self._caught(states[self.place], error)
                if caught is None:
                    self._fail(error)
                    return
                self.place = caught
        if not self.stopped() and not self.ground.closing:
            output = _public(self._state)
            self._end(
                "SUCCEEDED", "FlowSucceeded", "The Flow run reached a successful completion state", {"output": output}
            )

    def stopped(self) -> bool:
        """Whether it was cancelled."""
        return self._cancelled

    def show(self, acting: Callable[[], Document]) -> None:
        """Show how far the action is that goes on."""
        with self.ground.lock:
            self._acting = acting

    def cancel(self) -> None:
        """End it; one that has ended stays as it is."""
        with self.ground.lock:
            if self.completed is None:
                self._cancelled = True
                self._end("ENDED", "FlowCanceled", "The run was cancelled", {})

    def resume(self, dependents: frozenset[str]) -> None:
        """Go on with more consents.

        Raises:
            RefusedError: If it does not rest.
        """
        with self.ground.lock:
            if self.status != "INACTIVE":
                raise RefusedError(409, "STATE_CONFLICT", f"Run {self.id} is {self.status}, and cannot be resumed")
            self.dependents |= dependents
            self.status, self.details = "ACTIVE", {}
            self.ground.work(self.run, f"run-{self.id[:8]}")

    def document(self) -> Document:
        """Describe it as Flows does. Call with the lock."""
        active: Document = {"code": "ActionStarted", "description": f"State {self.place} started"}
        acting = self._acting() if self._acting is not None else {}
        told = {"state_name": self.place, "display_status": "ACTIVE", "details": acting}
        steps = {"action_statuses": [told]} if self.place else {}
        return {
            "run_id": self.id,
            "action_id": self.id,
            "flow_id": self.flow["id"],
            "flow_title": self.flow["title"],
            "label": self.label,
            "tags": self.tags,
            "status": self.status,
            "display_status": self.status,
            "details": self.details or {**active, **steps},
            "start_time": self.started,
            "completion_time": self.completed,
            "run_owner": self.owner.urn,
            "created_by": self.owner.urn,
            "user_role": "run_owner",
        }

    def _step(self, name: str, state: Document) -> str:
        """Do a state; return the name of the next, or nothing at the end."""
        kind = str(state["Type"])
        do: dict[str, Callable[[str, Document], str]] = {
            "Action": self._act,
            "Pass": self._pass,
            "ExpressionEval": self._pass,
            "Choice": self._choose,
            "Wait": self._wait,
            "Fail": self._break,
        }
        shown = {"state_name": name, "state_type": kind}
        self._log(f"{kind}Started", f"State {name} of type {kind} started", shown)
        try:
            following = do[kind](name, state)
        except (PathError, ExpressionError) as error:
            raise _FlowError("InvalidState", str(error)) from error
        if not self.stopped():
            output = _public(self._state).get(str(state.get("ResultPath", "")).removeprefix("$."))
            self._log(f"{kind}Completed", f"State {name} of type {kind} completed", {**shown, "output": output})
        return following

    def _act(self, name: str, state: Document) -> str:
        parameters = self._given(state)
        seconds = float(state.get("WaitTime", _USUAL_WAIT)) * self.ground.time_scale
        started = now()
        try:
            url = str(state["ActionUrl"])
            if not self.actions.known(url):
                raise _FlowError("ActionUnableToRun", f"There is no action provider at {url}")
            outcome = self.actions.run(url, parameters, self, seconds)
        except RefusedError as error:
            scopes = cast("list[str]", error.more.get("required_scopes") or [])
            if scopes:
                raise _ConsentError(scopes) from error
            raise _FlowError("ActionUnableToRun", error.message) from error
        except ActionTimeoutError:
            raise _FlowError("ActionTimeout", f"{name} did not end in {state.get('WaitTime', _USUAL_WAIT)} s") from None
        finally:
            with self.ground.lock:
                self._acting = None
        if not outcome.well and state.get("ExceptionOnActionFailure", True) and not self.stopped():
            raise _FlowError("ActionFailedException", f"{name} failed: {_why(outcome)}")
        result = {
            "action_id": str(uuid.uuid4()),
            "state_name": name,
            "status": "SUCCEEDED" if outcome.well else "FAILED",
            "start_time": started,
            "completion_time": now(),
            "details": outcome.details,
        }
        return self._kept(state, result)

    def _pass(self, name: str, state: Document) -> str:
        del name
        result: Any = state["Result"] if "Result" in state else self._given(state)
        return self._kept(state, result)

    def _choose(self, name: str, state: Document) -> str:
        for rule in cast("list[Document]", state["Choices"]):
            if holds(rule, self._state):
                return str(rule["Next"])
        if "Default" not in state:
            raise _FlowError("States.NoChoiceMatched", f"No rule of {name} holds")
        return str(state["Default"])

    def _wait(self, name: str, state: Document) -> str:
        del name
        given = get(self._state, str(state["SecondsPath"])) if "SecondsPath" in state else state.get("Seconds")
        if given is None:
            until = state.get("Timestamp") or get(self._state, str(state["TimestampPath"]))
            given = datetime.fromisoformat(str(until)).timestamp() - time.time()
        self.ground.until(self.stopped, max(float(given), 0.0) * self.ground.time_scale)
        return str(state.get("Next", ""))

    def _break(self, name: str, state: Document) -> str:
        raise _FlowError(str(state.get("Error") or "Fail"), str(state.get("Cause") or name))

    def _given(self, state: Document) -> Document:
        if "Parameters" in state:
            return cast("Document", self._filled(state["Parameters"]))
        if "InputPath" in state:
            return cast("Document", get(self._state, str(state["InputPath"])))
        return dict(self._state)

    def _filled(self, given: Any) -> Any:
        """Put in what paths and expressions mean."""
        if isinstance(given, list):
            return [self._filled(one) for one in cast("list[Any]", given)]
        if not isinstance(given, dict):
            return given
        made: Document = {}
        for name, value in cast("Document", given).items():
            if name.endswith(".$"):
                made[name[:-2]] = get(self._state, str(value))
            elif name.endswith(".="):
                made[name[:-2]] = compute(str(value), self._state)
            elif name != _PRIVATE_LIST:
                made[name] = self._filled(value)
        return made

    def _kept(self, state: Document, result: Any) -> str:
        self._state = put(self._state, str(state.get("ResultPath", "$")), result)
        return str(state.get("Next", ""))

    def _caught(self, state: Document, error: _FlowError) -> str | None:
        for one in cast("list[Document]", state.get("Catch") or []):
            if {error.name, _ALL} & set(cast("list[str]", one["ErrorEquals"])):
                known = {"Error": error.name, "Cause": str(error)}
                self._log("ActionFailed", f"{error}", known)
                if "ResultPath" in one:
                    self._state = put(self._state, str(one["ResultPath"]), known)
                return str(one["Next"])
        return None

    def _rest(self, scopes: list[str]) -> None:
        with self.ground.lock:
            if self.completed is None:
                words = "A consent is required before the run can go on"
                top, action = str(self.flow["globus_auth_scope"]), f"{_SCOPES}actions.globus.org/transfer/transfer"
                wanted = [f"{top}[{action}[{scope}]]" for scope in scopes]
                self.status = "INACTIVE"
                self.details = {"code": "ConsentRequired", "description": words, "required_scopes": wanted}
                self._log("RunNeedsConsent", words, {"state_name": self.place})

    def _fail(self, error: _FlowError) -> None:
        details = {"state_name": self.place, "cause": f"{error}", "error": error.name}
        self._end("FAILED", "FlowFailed", f"The run failed in {self.place}: {error}", details)

    def _end(self, status: str, code: str, words: str, more: Document) -> None:
        with self.ground.lock:
            if self.completed is None:
                self.status, self.completed = status, now()
                self.details = {"code": code, "description": words, **more}
                self._log(code, words, more)

    def _log(self, code: str, words: str, details: Document) -> None:
        with self.ground.lock:
            self.entries.append({"time": now(), "code": code, "description": words, "details": details})
            self.ground.lock.notify_all()


def _public(state: Document) -> Document:
    """Return a state without what is private."""
    return {name: value for name, value in state.items() if not name.startswith(_PRIVATE) and name != "_context"}


def _why(outcome: Outcome) -> str:
    details = outcome.details
    fatal = cast("Document", details.get("fatal_error") or Document())
    return str(details.get("exception") or fatal.get("description") or details.get("message") or "no reason was given")
