"""Flows on Globus: made once, run once, watched, answered, cancelled and resumed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import globus_sdk

from steering.core.json import Json
from steering.globus.errors import GlobusError, LoginError, consent
from steering.globus.flow_values import (
    Definition,
    FlowEvent,
    FlowStatus,
    Question,
    read_events,
    read_question,
    read_status,
)
from steering.globus.login import Login
from steering.globus.patience import Patience

_KEYWORD, _TAG = "steering-", "steering:"
_LONGEST_LABEL = 64


class Flows:
    """Globus Flows for one login. Only one thread uses it.

    Attributes:
        patience: Waits for Globus.
    """

    def __init__(self, login: Login, patience: Patience | None = None) -> None:
        """Log in to Flows.

        Args:
            login: Whose.
            patience: Waits for Globus; the login's if none.

        Raises:
            GlobusError: If a person has to log in first.
        """
        self._login = login
        self.patience = patience or login.patience
        self._client = login.client(globus_sdk.FlowsClient, globus_sdk.FlowsClient.resource_server)

    def make(self, definition: Definition) -> str:
        """Make a flow, or bring it up to date; one that is as it should be stays.

        Returns:
            Its id.

        Raises:
            GlobusError: If the definition is against Globus' rules, with the first of them.
        """
        keyword = f"{_KEYWORD}{definition.checksum}"
        content: dict[str, Any] = {"definition": dict(definition.states), "input_schema": dict(definition.schema)}
        doing = f"make the flow {definition.title!r}"
        known = self.patience.look(doing, lambda: self._of_title(definition.title))
        if known is None:
            return self.patience.submit(
                doing,
                lambda: str(self._client.create_flow(definition.title, **content, keywords=[keyword])["id"]),
                lambda: (self._of_title(definition.title) or {}).get("id"),
            )
        if keyword not in cast("Sequence[str]", known.get("keywords") or []):
            self.patience.ask(doing, lambda: self._client.update_flow(known["id"], **content, keywords=[keyword]))
        return str(known["id"])

    def run(self, flow: str, body: Mapping[str, Json], tag: str, label: str = "") -> str:
        """Start a run of a flow; one tag is one run, however often this is called.

        Args:
            flow: Its id, of ours or of anybody's.
            body: Its input.
            tag: A name of your own. Write it down before you call: with it the run is found again.
            label: What people read in Globus' list.

        Returns:
            The run's id.

        Raises:
            LoginError: If this flow needs a consent, with the command that gives it.
            GlobusError: If the input is not what the flow takes.
        """
        client = self._login.flow_client(flow)
        named = (label or f"steering {tag}")[:_LONGEST_LABEL]
        return self.patience.submit(
            f"run the flow {flow}",
            lambda: str(client.run_flow(dict(body), label=named, tags=[f"{_TAG}{tag}"])["run_id"]),
            lambda: self._of_tag(flow, tag),
        )

    def find(self, flow: str, tag: str) -> str | None:
        """Find the run of a tag that was written down; nothing if it was never started.

        Raises:
            GlobusError: If Globus refuses.
        """
        return self.patience.look(f"find the run {tag}", lambda: self._of_tag(flow, tag))

    def status(self, run: str) -> FlowStatus:
        """Say how far a run is.

        Raises:
            GlobusError: If there is no such run.
        """
        return self._look(run)[0]

    def wait(self, run: str, told: Callable[[FlowStatus], None] | None = None) -> FlowStatus:
        """Wait until a run has ended well.

        Args:
            run: Its id.
            told: Is told how far it is, each time that this changes.

        Raises:
            LoginError: If it rests until somebody consents, with the command. Call :meth:`resume` after that.
            GlobusError: If it failed or was cancelled; or the wait was cancelled. The run goes on then.
        """
        for status in self.patience.changes(f"end the run {run}", lambda: self.status(run)):
            if told is not None:
                told(status)
            if status.state == "resting":
                raise _resting(status)
            if status.state in ("failed", "cancelled"):
                raise GlobusError(f"The run {run} {_ended(status)}. Look at it: https://app.globus.org/runs/{run}")
            if status.ended:
                return status
        raise AssertionError

    def cancel(self, run: str) -> None:
        """Cancel a run; one that has ended stays as it is.

        Raises:
            GlobusError: If there is no such run.
        """
        self.patience.ask(f"cancel the run {run}", lambda: self._client.cancel_run(run))

    def resume(self, run: str) -> None:
        """Go on with a run that rests; one that goes stays as it is.

        Raises:
            GlobusError: If it has ended.
        """
        status, flow = self._look(run)
        if status.ended:
            raise GlobusError(f"The run {run} {_ended(status)}, and cannot go on. Run the flow again.")
        if status.state == "resting":
            client = self._login.flow_client(flow)
            self.patience.submit(
                f"resume the run {run}",
                lambda: str(client.resume_run(run)["run_id"]),
                lambda: None if self.status(run).state == "resting" else run,
            )

    def log(self, run: str) -> tuple[str, ...]:
        """List what happened in a run, oldest first, as sentences with times.

        Raises:
            GlobusError: If there is no such run.
        """

        def ask() -> tuple[str, ...]:
            entries = cast("Sequence[dict[str, Any]]", self._client.get_run_logs(run, limit=100)["entries"])
            return tuple(f"{one['time']} {one['description']}" for one in entries)

        return self.patience.ask(f"read the log of the run {run}", ask)

    def events(self, run: str) -> tuple[FlowEvent, ...]:
        """List what happened in a run, oldest first, with what came of it.

        Raises:
            GlobusError: If there is no such run.
        """

        def ask() -> tuple[FlowEvent, ...]:
            pages = self._client.paginated.get_run_logs(run, limit=100)
            return tuple(event for page in pages for event in read_events(page["entries"]))

        return self.patience.ask(f"read the log of the run {run}", ask)

    def questions(self, run: str = "") -> tuple[Question, ...]:
        """List what is asked of this login and not answered, by one run or by all.

        Raises:
            GlobusError: If Globus refuses.
        """
        of: dict[str, Any] = {"filter_run_ids": run} if run else {}

        def ask() -> tuple[Question, ...]:
            listed = self._client.list_web_inputs(filter_roles="respondent", filter_states="open", **of)
            open_ones = cast("Sequence[dict[str, Any]]", listed["web_input_summaries"])
            return tuple(read_question(self._client.get_web_input(one["id"]).data) for one in open_ones)

        return self.patience.ask("list the open questions", ask)

    def answer(self, question: Question, option: str) -> None:
        """Answer a question.

        Args:
            question: Which.
            option: The id, or the words, of one of its options.

        Raises:
            GlobusError: If it is none of them, or somebody else was faster.
        """
        named = [key for key, words in question.options.items() if option in (key, words)]
        if len(named) != 1:
            allowed = ", ".join(question.options.values())
            raise GlobusError(f"{option!r:.60} does not answer {question.title!r}. Allowed: {allowed}.")
        doing = f"answer {question.title!r}"
        if self.patience.ask(doing, lambda: self._closed(question)):
            raise GlobusError(f"{question.title!r} is already closed: somebody answered it, or its run has ended.")
        self.patience.submit(
            doing,
            lambda: str(self._client.respond_to_web_input(question.id, named[0])["status"]),
            lambda: "ok" if self._closed(question) else None,
        )

    def _look(self, run: str) -> tuple[FlowStatus, str]:
        """Return how far a run is, and its flow's id."""

        def ask() -> tuple[FlowStatus, str]:
            answer = self._client.get_run(run)
            return read_status(answer.data), str(answer["flow_id"])

        return self.patience.ask(f"look at the run {run}", ask)

    def _closed(self, question: Question) -> bool:
        return str(self._client.get_web_input(question.id)["status"]) == "closed"

    def _of_title(self, title: str) -> dict[str, Any] | None:
        listed = self._client.list_flows(filter_roles="flow_owner", filter_fulltext=title)
        flows = cast("Sequence[dict[str, Any]]", listed["flows"])
        return next((flow for flow in flows if flow["title"] == title), None)

    def _of_tag(self, flow: str, tag: str) -> str | None:
        for page in self._client.paginated.list_runs(filter_flow_id=flow):
            for run in cast("Sequence[dict[str, Any]]", page["runs"]):
                if f"{_TAG}{tag}" in cast("Sequence[str]", run.get("tags") or []):
                    return str(run["run_id"])
        return None


def _resting(status: FlowStatus) -> GlobusError:
    begin = f"The run {status.run} rests: {status.reason or 'Globus does not say why'}."
    if not status.scopes:
        return GlobusError(f"{begin} Put that right and resume it.")
    return LoginError(f"{begin} Give the consent, then resume the run: {consent(status.scopes)}", status.scopes)


def _ended(status: FlowStatus) -> str:
    return {"done": "is done", "cancelled": "was cancelled"}.get(status.state, f"failed: {status.reason}")
