"""Globus Flows: definitions that are validated, and runs of them."""

import uuid
from collections.abc import Sequence
from typing import Any, cast

from steering.globus_double.actions import Actions
from steering.globus_double.definition import Problem, problems
from steering.globus_double.flow_run import FlowRun
from steering.globus_double.web_inputs import WebInputs
from steering.globus_double_data.call import Call, Document, Person, RefusedError, Route
from steering.globus_double_data.ground import Ground, now

_KEPT = ("title", "subtitle", "description", "definition", "input_schema", "keywords", "flow_viewers", "flow_starters")
_PAGE = 50


class Flows:
    """Globus Flows."""

    name = "flows"
    server = "flows.globus.org"

    def __init__(self, ground: Ground, actions: Actions, web_inputs: WebInputs) -> None:
        """Begin without a flow."""
        self._ground = ground
        self._actions = actions
        self._web_inputs = web_inputs
        self._flows: dict[str, Document] = {}
        self._runs: dict[str, FlowRun] = {}

    def routes(self) -> Sequence[Route]:
        """List its addresses."""
        flow, run, asked = "/flows/{id}", "/runs/{id}", "/web_inputs"
        return (
            Route("POST", "/flows", self._create, status=201),
            Route("GET", "/flows", self._list),
            Route("POST", "/flows/validate", self._validate),
            Route("GET", flow, self._flow),
            Route("PUT", flow, self._change),
            Route("DELETE", flow, self._remove),
            Route("POST", f"{flow}/run", self._start, status=201, server_in_path=True),
            Route("POST", f"{flow}/validate_run", self._validate_run, server_in_path=True),
            Route("GET", "/runs", self._list_runs),
            Route("GET", run, lambda call: self._shown(self._run(call))),
            Route("PUT", run, self._relabel),
            Route("GET", f"{run}/log", self._log),
            Route("GET", f"{run}/definition", self._defined),
            Route("POST", f"{run}/cancel", self._cancel),
            Route("POST", f"{run}/resume", self._resume, any_server=True),
            Route("GET", asked, self._web_inputs.list),
            Route("GET", f"{asked}/{{id}}", self._web_inputs.get),
            Route("POST", f"{asked}/{{id}}/respond", self._web_inputs.respond),
        )

    def refusal(self, error: RefusedError) -> Document:
        """Write a refusal as Flows does."""
        detail = error.more.get("detail", error.message)
        more = {name: value for name, value in error.more.items() if name != "detail"}
        return {"error": {"code": error.code, "detail": detail}, "debug_id": str(uuid.uuid4()), **more}

    def _create(self, call: Call) -> Document:
        _check(call.body)
        made = str(uuid.uuid4())
        time = now()
        flow: Document = {
            **{name: call.body[name] for name in _KEPT if name in call.body},
            "id": made,
            "title": call.text("title"),
            "flow_owner": call.person.urn,
            "created_by": call.person.urn,
            "created_at": time,
            "updated_at": time,
            "globus_auth_scope": f"https://auth.globus.org/scopes/{made}/flow_{made.replace('-', '_')}_user",
            "user_role": "flow_owner",
        }
        with self._ground.lock:
            self._flows[made] = flow
            self._ground.effects.flows_made += 1
        return flow

    def _list(self, call: Call) -> Document:
        word = call.query.get("filter_fulltext", "").lower()
        with self._ground.lock:
            mine = [one for one in self._flows.values() if _may_see(one, call.person)]
        found = [one for one in mine if word in str(one["title"]).lower()]
        return {"flows": found, "has_next_page": False, "marker": None, "limit": _PAGE}

    def _change(self, call: Call) -> Document:
        flow = self._flow(call)
        if flow["flow_owner"] != call.person.urn:
            raise RefusedError(403, "FORBIDDEN", "You do not administer this flow.")
        changed = {**flow, **{name: call.body[name] for name in _KEPT if name in call.body}, "updated_at": now()}
        _check(changed)
        with self._ground.lock:
            self._flows[call.parts["id"]] = changed
            self._ground.effects.flows_made += 1
        return changed

    def _remove(self, call: Call) -> Document:
        flow = self._flow(call)
        with self._ground.lock:
            self._flows.pop(call.parts["id"], None)
        return {**flow, "DELETED": True}

    def _validate(self, call: Call) -> Document:
        _check(call.body)
        return {"scopes": {"User": []}, "analysis": {"number_of_possibilities": 1}}

    def _start(self, call: Call) -> Document:
        flow = self._flow(call)
        body = self._checked_input(flow, call)
        label = str(call.body.get("label") or flow["title"])
        tags = [str(one) for one in cast("list[Any]", call.body.get("tags") or [])]
        dependents = frozenset[str]() if call.grant is None else call.grant.dependents
        made = FlowRun(flow, body, call.person, dependents, label, tags, self._ground, self._actions)
        with self._ground.lock:
            self._runs[made.id] = made
            self._ground.effects.flow_runs += 1
            self._ground.work(made.run, f"run-{made.id[:8]}")
            return made.document()

    def _validate_run(self, call: Call) -> Document:
        self._checked_input(self._flow(call), call)
        return {"message": "validation successful"}

    def _checked_input(self, flow: Document, call: Call) -> Document:
        from jsonschema import Draft7Validator

        body: Any = call.body.get("body")
        errors = [
            (list(one.absolute_path), one.message) for one in Draft7Validator(flow["input_schema"]).iter_errors(body)
        ]
        if errors or not isinstance(body, dict):
            raise _unprocessable(errors or [(["body"], "The input is an object")])
        return cast("Document", body)

    def _list_runs(self, call: Call) -> Document:
        flows = {one for one in call.query.get("filter_flow_id", "").split(",") if one}
        first = int(call.query.get("marker") or 0)
        with self._ground.lock:
            runs = [one for one in reversed(self._runs.values()) if one.owner == call.person]
            found = [one.document() for one in runs if not flows or one.flow["id"] in flows]
        more = first + _PAGE < len(found)
        marker = str(first + _PAGE) if more else None
        return {"runs": found[first : first + _PAGE], "has_next_page": more, "marker": marker, "limit": _PAGE}

    def _shown(self, run: FlowRun) -> Document:
        with self._ground.lock:
            return run.document()

    def _relabel(self, call: Call) -> Document:
        run = self._run(call)
        with self._ground.lock:
            run.label = str(call.body.get("label") or run.label)
            run.tags = [str(one) for one in cast("list[Any]", call.body.get("tags") or run.tags)]
            return run.document()

    def _log(self, call: Call) -> Document:
        run = self._run(call)
        with self._ground.lock:
            return {"entries": list(run.entries), "has_next_page": False, "marker": None, "limit": len(run.entries)}

    def _defined(self, call: Call) -> Document:
        flow = self._run(call).flow
        return {"definition": flow["definition"], "input_schema": flow["input_schema"], "flow_id": flow["id"]}

    def _cancel(self, call: Call) -> Document:
        run = self._run(call)
        run.cancel()
        return self._shown(run)

    def _resume(self, call: Call) -> Document:
        run = self._run(call)
        run.resume(frozenset[str]() if call.grant is None else call.grant.dependents)
        return self._shown(run)

    def _flow(self, call: Call) -> Document:
        with self._ground.lock:
            found = self._flows.get(call.parts["id"])
        if found is None or not _may_see(found, call.person):
            raise RefusedError(404, "NOT_FOUND", f"No Flow exists with id value {call.parts['id']:.60}")
        return found

    def _run(self, call: Call) -> FlowRun:
        with self._ground.lock:
            found = self._runs.get(call.parts["id"])
        if found is None or found.owner != call.person:
            raise RefusedError(404, "NOT_FOUND", f"No Run exists with id value {call.parts['id']:.60}")
        return found


def _may_see(flow: Document, person: Person) -> bool:
    named = {str(one) for key in ("flow_viewers", "flow_starters") for one in cast("list[Any]", flow.get(key) or [])}
    return flow["flow_owner"] == person.urn or bool(named & person.principals)


def _check(flow: Document) -> None:
    definition, schema = flow.get("definition"), flow.get("input_schema")
    if not isinstance(definition, dict):
        raise _unprocessable([(["definition"], "The definition is an object")])
    found = [(["definition", *where], words) for where, words in problems(cast("Document", definition))]
    if schema is not None:
        from jsonschema import Draft7Validator, SchemaError

        try:
            Draft7Validator.check_schema(schema)
        except SchemaError as error:
            found.append((["input_schema"], error.message))
    if found:
        raise _unprocessable(found)


def _unprocessable(found: Sequence[Problem]) -> RefusedError:
    detail = [{"loc": where, "msg": words, "type": "value_error"} for where, words in found]
    return RefusedError(422, "UNPROCESSABLE_ENTITY", found[0][1], more={"detail": detail})
