"""Questions of a flow to a person, which wait until they are answered."""

import uuid
from dataclasses import dataclass, field
from typing import Any, cast

from steering.globus_double_data.call import Call, Document, Person, RefusedError
from steering.globus_double_data.ground import Ground, now


@dataclass
class Question:
    """A question and, once there is one, its answer."""

    id: str
    options: dict[str, str]
    document: Document
    people: frozenset[str]
    answer: Document | None = None
    closed: bool = field(default=False)


class WebInputs:
    """All questions."""

    def __init__(self, ground: Ground) -> None:
        """Begin with none."""
        self._ground = ground
        self._known: dict[str, Question] = {}

    def ask(self, parameters: Document, run: str, label: str, flow: Document, owner: Person) -> Question:
        """Ask.

        Args:
            parameters: ``options``, each with a name, and a landing page's ``page_title`` and ``preamble_text``.
            run: That asks.
            label: Of the run.
            flow: Its id and title.
            owner: May answer, beside whom the parameters name.

        Raises:
            RefusedError: If there is nothing to choose from.
        """
        given = cast("list[Any]", parameters.get("options") or [])
        options = {str(uuid.uuid4()): cast("Document", one) for one in given if isinstance(one, dict)}
        if not options:
            raise RefusedError(400, "BadRequest", "A question needs 'options'")
        page = cast("Document", parameters.get("landing_page") or Document())
        people = frozenset({owner.urn, *(str(one) for one in cast("list[Any]", page.get("selectable_by") or []))})
        context = {"title": str(page.get("page_title") or "Choose"), "presentation_style": "text"}
        listed = [
            {"option_id": key, "label": str(one.get("name")), "description": str(one.get("completed_message") or "")}
            for key, one in options.items()
        ]
        time = now()
        document: Document = {
            "input_type": "selection",
            "context": {**context, "text": str(page.get("preamble_text") or "")},
            "options": listed,
            "flow": flow,
            "run": {"id": run, "label": label},
            "user_roles": ["viewer", "respondent"],
            "created_timestamp": time,
            "edited_timestamp": time,
        }
        names = {key: str(one.get("name")) for key, one in options.items()}
        question = Question(str(uuid.uuid4()), names, document, people)
        with self._ground.lock:
            self._known[question.id] = question
            self._ground.lock.notify_all()
        return question

    def close(self, question: Question) -> None:
        """Take no answer any more."""
        with self._ground.lock:
            question.closed = True

    def list(self, call: Call) -> Document:
        """List the questions that somebody may see."""
        states, runs = (_split(call.query.get(name)) for name in ("filter_states", "filter_run_ids"))
        with self._ground.lock:
            found = [
                {**shown, "title": shown["context"]["title"]}
                for one in self._known.values()
                if one.people & call.person.principals
                for shown in [_shown(one)]
                if (not states or shown["status"] in states) and (not runs or shown["run"]["id"] in runs)
            ]
        return {"web_input_summaries": found, "has_next_page": False, "marker": None}

    def get(self, call: Call) -> Document:
        """Show a question."""
        with self._ground.lock:
            return _shown(self._of(call))

    def respond(self, call: Call) -> Document:
        """Take an answer.

        Raises:
            RefusedError: If the question is closed, or it is none of the options.
        """
        given = cast("Document", call.body.get("response") or Document()).get("value")
        with self._ground.lock:
            question = self._of(call)
            if question.closed or question.answer is not None:
                raise RefusedError(409, "STATE_CONFLICT", f"Web Input {question.id} is already closed.")
            if given not in question.options:
                raise RefusedError(422, "UNPROCESSABLE_ENTITY", f"{given!r:.60} is not a registered option id")
            question.answer = {"name": question.options[str(given)], "option_id": given}
            question.closed = True
            self._ground.lock.notify_all()
        return {"status": "ok"}

    def _of(self, call: Call) -> Question:
        found = self._known.get(call.parts["id"])
        if found is None or not found.people & call.person.principals:
            raise RefusedError(404, "NOT_FOUND", f"No Web Input exists with id value {call.parts['id']:.60}")
        return found


def _shown(question: Question) -> Document:
    return {"id": question.id, "status": "closed" if question.closed else "open", **question.document}


def _split(text: str | None) -> set[str]:
    return {one for one in (text or "").split(",") if one}
