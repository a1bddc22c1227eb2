"""Globus Search: indexes, into which entries are written by tasks."""

import uuid
from collections.abc import Sequence
from typing import Any, cast

from steering.globus_double_data.call import Call, Document, Person, RefusedError, Route
from steering.globus_double_data.field_types import FieldTypeError
from steering.globus_double_data.ground import Ground, now
from steering.globus_double_data.index import Entry, Index

# After docs.globus.org/api/search/limits.
_LONGEST_SUBJECT, _MOST_PRINCIPALS = 500, 100


class Search:
    """Globus Search."""

    name = "search"
    server = "search.api.globus.org"

    def __init__(self, ground: Ground, owner: Person) -> None:
        """Begin without an index; one person may write into all."""
        self._ground = ground
        self._owner = owner
        self._indexes: dict[str, Index] = {}
        self._tasks: dict[str, Document] = {}

    def routes(self) -> Sequence[Route]:
        """List its addresses."""
        index = "/v1/index/{id}"
        return (
            Route("POST", "/v1/index", self._make),
            Route("GET", "/v1/index_list", lambda _: {"index_list": [_shown(one) for one in self._indexes.values()]}),
            Route("GET", index, lambda call: _shown(self._index(call))),
            Route("POST", f"{index}/ingest", self._ingest),
            Route("GET", f"{index}/search", self._search),
            Route("POST", f"{index}/search", self._search),
            Route("GET", f"{index}/subject", self._subject),
            Route("GET", f"{index}/entry", self._entry),
            Route("DELETE", f"{index}/entry", self._remove),
            Route("GET", "/v1/task/{task}", self._task),
            Route("GET", "/v1/task_list/{id}", self._list_tasks),
        )

    def refusal(self, error: RefusedError) -> Document:
        """Write a refusal as Search does."""
        known = {"@datatype": "GError", "code": error.code, "message": error.message, "status": error.status}
        return {**known, "request_id": uuid.uuid4().hex, **error.more}

    def make(self, name: str) -> str:
        """Make an index; return its id."""
        made = Index(str(uuid.uuid4()), name)
        with self._ground.lock:
            self._indexes[made.id] = made
        return made.id

    def ingest(self, index: str, document: Document) -> str:
        """Begin to write entries; return the task's id.

        Raises:
            RefusedError: If the document is none.
        """
        known = self._of(index)
        entries = _entries(document)
        task = str(uuid.uuid4())
        with self._ground.lock:
            self._tasks[task] = {
                "task_id": task,
                "task_type": "INGEST",
                "index_id": index,
                "state": "PENDING",
                "state_description": "The task is waiting",
                "message": "",
                "creation_date": now(),
                "completion_date": None,
            }
        self._ground.work(lambda: self._write(known, task, entries), f"ingest-{task[:8]}")
        return task

    def task(self, task: str) -> Document:
        """Describe a task.

        Raises:
            RefusedError: If there is none.
        """
        with self._ground.lock:
            found = self._tasks.get(task)
            if found is None:
                raise RefusedError(404, "NotFound.NoTask", f"There is no task {task!r:.60}")
            return dict(found)

    def _write(self, index: Index, task: str, entries: Sequence[Entry]) -> None:
        with self._ground.lock:
            failing = self._ground.faults.failing_ingests > 0
            self._ground.faults.failing_ingests -= failing
            state, words = "SUCCESS", f"{len(entries)} entries were written"
            if failing:
                state, words = "FAILED", "the entry could not be indexed"
            try:
                for entry in () if failing else entries:
                    self._ground.effects.entries_written += index.write(entry)
            except FieldTypeError as error:
                state, words = "FAILED", f"the entry could not be indexed: {error}"
            self._tasks[task] |= {
                "state": state,
                "state_description": words,
                "message": words,
                "completion_date": now(),
            }
            self._ground.lock.notify_all()

    def _make(self, call: Call) -> Document:
        return _shown(self._of(self.make(call.text("display_name"))))

    def _ingest(self, call: Call) -> Document:
        if call.person != self._owner:
            raise RefusedError(403, "Forbidden.Generic", "You do not have the role 'writer' on this index")
        task = self.ingest(call.parts["id"], call.body)
        return {"acknowledged": True, "success": True, "task_id": task, "num_documents_ingested": 0}

    def _search(self, call: Call) -> Document:
        query = call.body or {**call.query, "advanced": call.query.get("advanced") == "True"}
        for name in ("limit", "offset"):
            if isinstance(query.get(name), str):
                query[name] = int(query[name]) if str(query[name]).isdigit() else 0
        with self._ground.lock:
            return self._index(call).search(query, call.person.principals)

    def _subject(self, call: Call) -> Document:
        with self._ground.lock:
            return self._index(call).subject(call.query.get("subject", ""), call.person.principals)

    def _entry(self, call: Call) -> Document:
        subject, entry = call.query.get("subject", ""), call.query.get("entry_id")
        with self._ground.lock:
            return self._index(call).subject(subject, call.person.principals, entry, one=True)

    def _remove(self, call: Call) -> Document:
        self._entry(call)
        with self._ground.lock:
            self._index(call).entries.pop((call.query.get("subject", ""), call.query.get("entry_id")), None)
        return {"task_id": str(uuid.uuid4())}

    def _task(self, call: Call) -> Document:
        return self.task(call.parts["task"])

    def _list_tasks(self, call: Call) -> Document:
        with self._ground.lock:
            tasks = [dict(one) for one in self._tasks.values() if one["index_id"] == call.parts["id"]]
        return {"tasks": tasks}

    def _index(self, call: Call) -> Index:
        return self._of(call.parts["id"])

    def _of(self, id: str) -> Index:  # noqa: A002  (as Globus names it)
        with self._ground.lock:
            found = self._indexes.get(id)
        if found is None:
            raise RefusedError(404, "NotFound.NoSuchIndex", f"There is no index {id!r:.60}")
        return found


def _shown(index: Index) -> Document:
    return {"@datatype": "GSearchIndex", "id": index.id, "display_name": index.name, "status": "open"}


def _entries(document: Document) -> list[Entry]:
    data: Any = document.get("ingest_data")
    if document.get("ingest_type") == "GMetaEntry":
        given: Any = [data]
    elif document.get("ingest_type") == "GMetaList" and isinstance(data, dict):
        given = cast("Document", data).get("gmeta")
    else:
        given = None
    if not isinstance(given, list) or not given:
        raise RefusedError(400, "BadRequest.IngestDocument", "Allowed: a GMetaEntry or a GMetaList with entries")
    return [_entry_of(one) for one in cast("list[Any]", given)]


def _entry_of(given: Any) -> Entry:
    known = cast("Document", given) if isinstance(given, dict) else {}
    subject, content, visible = known.get("subject"), known.get("content"), known.get("visible_to")
    if not isinstance(subject, str) or not subject or not isinstance(content, dict) or not isinstance(visible, list):
        raise RefusedError(400, "BadRequest.IngestDocument", "An entry needs 'subject', 'content' and 'visible_to'")
    principals = tuple(str(one) for one in cast("list[Any]", visible))
    if len(subject.encode(errors="replace")) > _LONGEST_SUBJECT or len(principals) > _MOST_PRINCIPALS:
        limits = f"{_LONGEST_SUBJECT} bytes of 'subject' and {_MOST_PRINCIPALS} of 'visible_to'"
        raise RefusedError(400, "BadRequest.IngestDocument", f"Allowed: {limits}")
    wrong = [
        one for one in principals if one not in ("public", "all_authenticated_users") and not one.startswith("urn:")
    ]
    if wrong or not principals:
        raise RefusedError(400, "BadRequest.IngestDocument", f"{wrong} in 'visible_to' is no principal")
    entry = known.get("id")
    return Entry(subject, None if entry is None else str(entry), principals, cast("Document", content))
