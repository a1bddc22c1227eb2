"""Entries of a Globus Search index: written once, found by words, ranges and facets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import globus_sdk

from steering.core.json import Json
from steering.globus.errors import GlobusError
from steering.globus.login import Login
from steering.globus.patience import Patience

Value = str | float | int | bool
# So many entries of a query Search shows at most.
MOST = 10_000


@dataclass(frozen=True)
class Entry:
    """What is known of a subject.

    Attributes:
        subject: What it is about, as a URI: ``globus://COLLECTION/PATH``.
        content: JSON: ``dc`` (DataCite 4), ``files`` and ``project_metadata``, as APS portals have it.
        visible_to: Principals that may see it: ``urn:globus:groups:id:UUID``, ``urn:globus:auth:identity:UUID``,
            ``all_authenticated_users`` or ``public``.
        id: Tells entries of one subject apart.
    """

    subject: str
    content: Mapping[str, Json]
    visible_to: tuple[str, ...]
    id: str = "metadata"


class Filter(Protocol):
    """What entries must hold."""

    def document(self) -> dict[str, Any]:
        """Write it as Search reads it: a ``GFilter``."""
        ...


@dataclass(frozen=True)
class Condition:
    """What a field must hold.

    Attributes:
        field: Its dotted name: ``project_metadata.tau0.value``. A dot in a name itself stands behind a backslash.
        any_of: One of these, where any are named.
        low: At least this, where it is named.
        high: At most this, where it is named.
    """

    field: str
    any_of: tuple[Value, ...] = ()
    low: float | str | None = None
    high: float | str | None = None

    def document(self) -> dict[str, Any]:
        """Write it as Search reads it.

        Raises:
            GlobusError: If it asks for nothing, or for both.
        """
        bounded = self.low is not None or self.high is not None
        if bounded == bool(self.any_of) or not self.field:
            raise GlobusError(
                f"The condition on {self.field!r:.60} asks for nothing, or for two things. Name values or limits."
            )
        if self.any_of:
            return {"type": "match_any", "field_name": self.field, "values": list(self.any_of)}
        limits = {"from": "*" if self.low is None else self.low, "to": "*" if self.high is None else self.high}
        return {"type": "range", "field_name": self.field, "values": [limits]}


@dataclass(frozen=True)
class Found:
    """What a query found.

    Attributes:
        total: How many entries there are; those that were asked for may be fewer.
        entries: Those.
        facets: By field, how many entries have which value.
    """

    total: int
    entries: tuple[Entry, ...]
    facets: Mapping[str, Mapping[str, int]]


class SearchIndex:
    """One index, for one login. Only one thread uses it."""

    def __init__(self, login: Login, index: str, patience: Patience | None = None) -> None:
        """Log in to Search.

        Args:
            login: Whose.
            index: The index's id.
            patience: Waits for Globus; the login's if none.

        Raises:
            GlobusError: If a person has to log in first.
        """
        self.index = index
        self._patience = patience or login.patience
        self._client = login.client(globus_sdk.SearchClient, globus_sdk.SearchClient.resource_server)

    def ingest(self, entry: Entry) -> None:
        """Write an entry and wait until it can be found; one that is there already, and is the same, stays.

        Raises:
            GlobusError: If nobody could see it, this login may not write, or Search refuses its content.
        """
        if not entry.visible_to or not entry.subject:
            raise GlobusError(
                "The entry has no subject, or nobody may see it. Name a subject and at least one principal."
            )
        data = {
            "subject": entry.subject,
            "id": entry.id,
            "visible_to": list(entry.visible_to),
            "content": entry.content,
        }
        document: dict[str, Any] = {"ingest_type": "GMetaEntry", "ingest_data": data}
        doing = f"write the entry of {entry.subject} into the index {self.index}"
        task = self._patience.submit(
            doing,
            lambda: str(self._client.ingest(self.index, document)["task_id"]),
            lambda: self._same(entry),
        )
        if task:
            self._wait(task, doing)

    def get(self, subject: str, id: str = "metadata") -> Entry:  # noqa: A002  (as Globus names it)
        """Return an entry.

        Args:
            subject: What it is about.
            id: Its own; empty for the one that has none, as a flow writes it.

        Raises:
            MissingError: If there is none that this login may see.
        """
        doing = f"read the entry of {subject} in the index {self.index}"
        return self._patience.ask(
            doing,
            lambda: _entries(self._client.get_entry(self.index, subject, entry_id=id or globus_sdk.MISSING).data)[0],
        )

    def find(
        self,
        words: str = "",
        conditions: Sequence[Filter] = (),
        facets: Sequence[str] = (),
        limit: int = 100,
        *,
        first: int = 0,
        newest_by: Sequence[str] = (),
    ) -> Found:
        """Find entries that this login may see.

        Args:
            words: That stand anywhere in them; all if empty.
            conditions: That all hold.
            facets: Fields whose values are counted.
            limit: How many entries at most.
            first: How many of those that fit are passed over.
            newest_by: Fields by which they are sorted, the largest first; as Search likes if empty.

        Raises:
            GlobusError: If a condition is none, or there is no such index.
        """
        if not 1 <= limit <= MOST - first:
            raise GlobusError(f"The limit is {limit} entries from entry {first} on. Allowed: 1 to {MOST} together.")
        query = globus_sdk.SearchQueryV1(
            q=words or "*",
            limit=limit,
            offset=first,
            sort=[{"field_name": one, "order": "desc"} for one in newest_by] or globus_sdk.MISSING,
            filters=[one.document() for one in conditions],
            facets=[{"name": name, "type": "terms", "field_name": name, "size": 100} for name in facets],
        )
        doing = f"search the index {self.index}"
        return self._patience.ask(doing, lambda: _found(self._client.post_search(self.index, query).data))

    def _same(self, entry: Entry) -> str | None:
        """Return an empty text if the entry is there as it should be."""
        answer = self._client.get_entry(self.index, entry.subject, entry_id=entry.id)
        return "" if _entries(answer.data)[0].content == entry.content else None

    def _wait(self, task: str, doing: str) -> None:
        def look() -> tuple[str, str]:
            return self._patience.ask(doing, lambda: _state(self._client.get_task(task).data))

        for state, reason in self._patience.changes(doing, look):
            if state == "SUCCESS":
                return
            if state == "FAILED":
                raise GlobusError(f"Globus could not {doing}: {reason}. Put that right and write it again.")


def indexes_named(login: Login, name: str) -> tuple[str, ...]:
    """Return the ids of the indexes that are called so, and that this login may see.

    Raises:
        GlobusError: If Globus refuses.
    """
    client = login.client(globus_sdk.SearchClient, globus_sdk.SearchClient.resource_server)

    def ask() -> tuple[str, ...]:
        found = cast("list[dict[str, Any]]", client.index_list()["index_list"])
        return tuple(str(one["id"]) for one in found if one.get("display_name") == name)

    return login.patience.ask(f"find the index {name}", ask)


def _state(given: Any) -> tuple[str, str]:
    task = cast("dict[str, Any]", given)
    return str(task["state"]), str(task.get("message") or task.get("state_description") or "no reason was given")


def _found(given: Any) -> Found:
    data = cast("dict[str, Any]", given)
    entries = tuple(entry for one in cast("list[dict[str, Any]]", data["gmeta"]) for entry in _entries(one))
    counted = {
        str(one["name"]): {str(bucket["value"]): int(bucket["count"]) for bucket in one["buckets"]}
        for one in cast("list[dict[str, Any]]", data.get("facet_results") or [])
    }
    return Found(int(data["total"]), entries, counted)


def _entries(given: Any) -> list[Entry]:
    result = cast("dict[str, Any]", given)
    # Search does not tell who may see an entry.
    return [
        Entry(str(result["subject"]), cast("dict[str, Json]", one["content"]), (), str(one["entry_id"] or ""))
        for one in cast("list[dict[str, Any]]", result["entries"])
    ]
