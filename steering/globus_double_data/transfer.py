"""Globus Transfer: what lies in collections, transfers of it, and who may read it."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from steering.globus_double_data.access import Access
from steering.globus_double_data.call import Call, Document, Person, RefusedError, Route
from steering.globus_double_data.collection import Collection, Collections
from steering.globus_double_data.ground import Ground
from steering.globus_double_data.transfer_task import Item, Order, TransferTask

_ALGORITHMS = ("md5", "sha1", "sha256", "sha512")


class Transfer:
    """Globus Transfer."""

    name = "transfer"
    server = "transfer.api.globus.org"

    def __init__(self, ground: Ground, collections: Collections, owner: Person) -> None:
        """Begin without a task; all collections belong to one person."""
        self._ground = ground
        self._collections = collections
        self._access = Access(ground, collections, owner)
        self._tasks: dict[str, TransferTask] = {}
        self._by_submission: dict[str, TransferTask] = {}

    def routes(self) -> Sequence[Route]:
        """List its addresses."""
        place, task = "/v0.10/operation/endpoint/{id}", "/v0.10/task/{task}"
        return (
            Route("GET", "/v0.10/endpoint/{id}", lambda call: self._collections.get(call.parts["id"]).document()),
            Route("GET", "/v0.10/endpoint_search", self._search),
            Route("GET", f"{place}/ls", self._list),
            Route("GET", f"{place}/stat", self._stat),
            Route("POST", f"{place}/mkdir", self._mkdir),
            Route("POST", f"{place}/rename", self._rename),
            Route("GET", "/v0.10/submission_id", lambda _: {"value": str(uuid.uuid4())}),
            Route("POST", "/v0.10/transfer", self._submit),
            Route("GET", "/v0.10/task_list", self._list_tasks),
            Route("GET", task, lambda call: self._described(self._task(call))),
            Route("PUT", task, self._update),
            Route("POST", f"{task}/cancel", self._cancel),
            Route("GET", f"{task}/event_list", lambda call: _list("event", self._task(call).events)),
            Route("GET", f"{task}/successful_transfers", self._successes),
            Route("GET", f"{task}/skipped_errors", lambda _: _list("skipped_error", [])),
            Route("GET", f"{task}/pause_info", self._pause_info),
            *self._access.routes(),
        )

    def refusal(self, error: RefusedError) -> Document:
        """Write a refusal as Transfer does."""
        return {"code": error.code, "message": error.message, "request_id": uuid.uuid4().hex[:9], **error.more}

    def submit(self, body: Document, person: Person, collections: tuple[Collection, Collection]) -> TransferTask:
        """Take a transfer on; one submission id is one task, however often it is sent.

        Args:
            body: As the API takes it.
            person: Whose it is.
            collections: Where from and where to.
        """
        submission = str(body.get("submission_id") or uuid.uuid4())
        order = _order(body, collections)
        with self._ground.lock:
            known = self._by_submission.get(submission)
            if known is not None:
                return known
            made = TransferTask(order, person, self._ground)
            self._tasks[made.id] = self._by_submission[submission] = made
            self._ground.effects.transfer_tasks += 1
            self._ground.work(made.run, f"transfer-{made.id[:8]}")
        return made

    def give(self, collection: str, rule: Document) -> Document:
        """Give a permission, for a flow."""
        return self._access.give(collection, rule)

    def _search(self, call: Call) -> Document:
        word = call.query.get("filter_fulltext", "").lower()
        found = [one.document() for one in self._collections.every() if word in one.name.lower()]
        return _list("endpoint", found, has_next_page=False)

    def _list(self, call: Call) -> Document:
        collection = self._readable(call)
        path = call.query.get("path") or "/"
        folder = collection.inside(path)
        if not folder.is_dir():
            raise RefusedError(404, "ClientError.NotFound", f"Directory '{path}' not found on endpoint")
        files = [_entry(file) for file in sorted(folder.iterdir()) if not file.name.startswith(".")]
        return {**_list("file", files), "DATA_TYPE": "file_list", "path": path, "endpoint": collection.id}

    def _stat(self, call: Call) -> Document:
        collection = self._readable(call)
        path = call.query.get("path") or "/"
        file = collection.inside(path)
        if not file.exists():
            raise RefusedError(404, "NotFound", f"Path not found: {path}")
        return _entry(file)

    def _mkdir(self, call: Call) -> Document:
        folder = self._readable(call).inside(call.text("path"))
        if folder.exists():
            raise RefusedError(502, "ExternalError.MkdirFailed.Exists", "Path already exists")
        folder.mkdir(parents=True)
        return {"DATA_TYPE": "mkdir_result", "code": "DirectoryCreated", "message": "The directory was created"}

    def _rename(self, call: Call) -> Document:
        collection = self._readable(call)
        old, new = collection.inside(call.text("old_path")), collection.inside(call.text("new_path"))
        if not old.exists() or new.exists():
            raise RefusedError(502, "EndpointError", "There is nothing to rename, or the new name is taken")
        old.rename(new)
        return {"DATA_TYPE": "result", "code": "FileRenamed", "message": "File or directory renamed"}

    def _readable(self, call: Call) -> Collection:
        collection = self._collections.for_data(call.parts["id"], call)
        if not self._collections.reachable(collection.id):
            raise RefusedError(502, "ExternalError.DirListingFailed.ConnectFailed", f"{collection.name} is offline")
        self._access.check(collection, call.query.get("path") or "/", call.person)
        return collection

    def _submit(self, call: Call) -> Document:
        ends = [self._collections.for_data(call.text(f"{end}_endpoint"), call) for end in ("source", "destination")]
        before = self._ground.effects.transfer_tasks
        with self._ground.lock:
            task = self.submit(call.body, call.person, (ends[0], ends[1]))
            new = self._ground.effects.transfer_tasks != before
        code = "Accepted" if new else "Duplicate"
        return {
            "DATA_TYPE": "transfer_result",
            "code": code,
            "message": "The transfer has been accepted" if new else "A task with this submission id exists already",
            "submission_id": call.body.get("submission_id"),
            "task_id": task.id,
        }

    def _task(self, call: Call) -> TransferTask:
        with self._ground.lock:
            found = self._tasks.get(call.parts["task"])
        if found is None or found.owner != call.person:
            raise RefusedError(404, "TaskNotFound", f"No task found with id '{call.parts['task']:.60}'")
        return found

    def _described(self, task: TransferTask) -> Document:
        with self._ground.lock:
            return task.document()

    def _list_tasks(self, call: Call) -> Document:
        with self._ground.lock:
            mine = [task.document() for task in self._tasks.values() if task.owner == call.person]
        return _list("task", list(reversed(mine)))

    def _update(self, call: Call) -> Document:
        self._task(call)
        return {"DATA_TYPE": "result", "code": "Updated", "message": "Updated task successfully"}

    def _cancel(self, call: Call) -> Document:
        ended = self._task(call).cancel()
        words = "The task has been cancelled successfully." if ended else "The task is complete already."
        return {"DATA_TYPE": "result", "code": "Canceled" if ended else "TaskComplete", "message": words}

    def _successes(self, call: Call) -> Document:
        return {**_list("successful_transfer", self._task(call).successes), "marker": 0, "next_marker": None}

    def _pause_info(self, call: Call) -> Document:
        task = self._task(call)
        rules = [{"message": task.words}] if task.paused else []
        return {"DATA_TYPE": "pause_info_limited", "pause_rules": rules, "source_pause_message": None}


def _order(body: Document, collections: tuple[Collection, Collection]) -> Order:
    given = body.get("DATA")
    if not isinstance(given, list) or not given:
        raise RefusedError(400, "ClientError.BadRequest.NoTransferItems", "A transfer requires at least one item")
    items: list[Item] = []
    for one in cast("list[Any]", given):
        item = cast("Document", one if isinstance(one, dict) else {})
        paths = [item.get("source_path"), item.get("destination_path")]
        if not all(isinstance(path, str) and path for path in paths):
            raise RefusedError(400, "ClientError.BadRequest", "An item needs 'source_path' and 'destination_path'")
        source, destination = str(paths[0]), str(paths[1])
        for end, path in zip(collections, (source, destination), strict=True):
            end.inside(path)
        checksum = str(item.get("external_checksum") or "")
        algorithm = str(item.get("checksum_algorithm") or ("md5" if checksum else "sha256")).lower()
        if algorithm not in _ALGORITHMS:
            raise RefusedError(400, "ClientError.BadRequest", f"The checksum algorithm is {algorithm!r:.40}")
        items.append(Item(source, destination, bool(item.get("recursive")), checksum, algorithm))
    level = body.get("sync_level")
    verify = body.get("verify_checksum") is not False
    return Order(
        *collections, tuple(items), str(body.get("label") or ""), verify, level if isinstance(level, int) else None
    )


def _entry(file: Path) -> Document:
    known = file.stat()
    return {
        "DATA_TYPE": "file",
        "name": file.name,
        "type": "dir" if file.is_dir() else "file",
        "size": known.st_size,
        "last_modified": datetime.fromtimestamp(known.st_mtime, UTC).isoformat(sep=" ", timespec="seconds"),
        "permissions": f"{known.st_mode & 0o777:04o}",
    }


def _list(kind: str, data: Sequence[Document], **more: Any) -> Document:
    return {"DATA_TYPE": f"{kind}_list", "DATA": list(data), "length": len(data), "total": len(data), **more}
