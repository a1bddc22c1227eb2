"""One index of Globus Search: entries by subject and id, who may see them, and what a query finds."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from steering.globus_double_data.call import Document, RefusedError
from steering.globus_double_data.field_types import fitting

_UNBOUNDED = ("*", None)
# A dotted name's parts; a dot behind a backslash belongs to its part.
_PART = re.compile(r"((?:\\.|[^.\\])+)\.?(.*)", re.DOTALL)


@dataclass(frozen=True)
class Entry:
    """What is known of a subject under one id."""

    subject: str
    id: str | None
    visible_to: tuple[str, ...]
    content: Document


@dataclass
class Index:
    """An index.

    Attributes:
        id: A UUID.
        name: As people read it.
        entries: By subject and id.
        asked: How many queries were answered.
        types: Of its fields, by dotted name. They stay when entries go.
    """

    id: str
    name: str
    entries: dict[tuple[str, str | None], Entry] = field(default_factory=dict[tuple[str, str | None], Entry])
    asked: int = 0
    types: dict[str, str] = field(default_factory=dict[str, str])

    def write(self, entry: Entry) -> bool:
        """Write an entry; return whether that changed anything.

        Raises:
            FieldTypeError: If a field of it is of another type than in the index; nothing is written then.
        """
        self.types = fitting(self.types, entry.content)
        key = (entry.subject, entry.id)
        changed = self.entries.get(key) != entry
        self.entries[key] = entry
        return changed

    def seen_by(self, principals: frozenset[str]) -> list[Entry]:
        """List what somebody may see, newest last."""
        return [entry for entry in self.entries.values() if principals & set(entry.visible_to)]

    def search(self, query: Document, principals: frozenset[str]) -> Document:
        """Answer a query.

        Raises:
            RefusedError: If the query is none.
        """
        text, advanced = str(query.get("q") or "*"), bool(query.get("advanced"))
        filters = _documents(query.get("filters"))
        found = [
            entry
            for entry in self.seen_by(principals)
            if _says(entry.content, text, advanced=advanced) and all(passes(entry.content, one) for one in filters)
        ]
        # What sorts alike comes in no order that anybody may build on: here in another one with each query.
        self.asked += 1
        found = found[:: -1 if self.asked % 2 else 1]
        for rule in reversed(_documents(query.get("sort"))):
            name = str(rule.get("field_name", ""))
            have = [entry for entry in found if _key(entry, name) is not None]
            # Those without it come last, whatever the order.
            lack = [entry for entry in found if _key(entry, name) is None]
            found = sorted(have, key=lambda entry: _key(entry, name), reverse=rule.get("order") == "desc") + lack
        facets = [_facet(found, one) for one in _documents(query.get("facets"))]
        first, most = _whole(query.get("offset"), 0), _whole(query.get("limit"), 10)
        shown = found[first : first + most]
        answer: Document = {
            "@datatype": "GSearchResult",
            "@version": "2017-09-01",
            "count": len(shown),
            "total": len(found),
            "offset": first,
            "has_next_page": first + most < len(found),
            "gmeta": [_result(entry.subject, [entry]) for entry in shown],
        }
        return {**answer, "facet_results": facets} if facets else answer

    def subject(
        self, subject: str, principals: frozenset[str], named: str | None = None, *, one: bool = False
    ) -> Document:
        """Return what is known of a subject, or of one of its entries.

        Raises:
            RefusedError: If nothing is, that may be seen.
        """
        found = [
            entry for entry in self.seen_by(principals) if entry.subject == subject and (not one or entry.id == named)
        ]
        if not found:
            raise RefusedError(404, "NotFound.Generic", f"There is no entry for the subject {subject!r:.100}")
        return _result(subject, found)


def passes(content: Document, rule: Document) -> bool:
    """Say whether a content passes a filter.

    Raises:
        RefusedError: If it is none.
    """
    kind, inner = str(rule.get("type")), _documents(rule.get("filters"))
    if kind == "and":
        return all(passes(content, one) for one in inner)
    if kind == "or":
        return any(passes(content, one) for one in inner)
    if kind == "not":
        return not passes(content, cast("Document", rule.get("filter") or {}))
    found = list(values(content, str(rule.get("field_name", ""))))
    if kind == "exists":
        return bool(found)
    wanted = rule.get("values")
    if not isinstance(wanted, list):
        raise RefusedError(400, "BadRequest.BadFilter", f"A filter of the type {kind!r:.40} needs 'values'")
    listed = cast("list[Any]", wanted)
    if kind == "match_any":
        return any(value in listed for value in found)
    if kind == "match_all":
        return all(value in found for value in listed)
    if kind == "range":
        return any(_within(value, limits) for value in found for limits in _documents(listed))
    raise RefusedError(400, "BadRequest.BadFilter", f"The type of a filter is {kind!r:.40}")


def values(content: Any, name: str) -> Iterable[Any]:
    """Yield what stands in a content under a dotted name; of a list all that is in it."""
    if isinstance(content, list):
        for one in cast("list[Any]", content):
            yield from values(one, name)
    elif not name:
        yield content
    elif isinstance(content, dict):
        known = cast("Document", content)
        found = _PART.match(name)
        first, rest = (re.sub(r"\\(.)", r"\1", found[1]), found[2]) if found is not None else (name, "")
        if first in known:
            yield from values(known[first], rest)


def _within(value: Any, limits: Document) -> bool:
    low, high = limits.get("from", limits.get("gte")), limits.get("to", limits.get("lte"))
    try:
        return (low in _UNBOUNDED or value >= low) and (high in _UNBOUNDED or value <= high)
    except TypeError:
        return False


def _says(content: Document, text: str, *, advanced: bool) -> bool:
    """Say whether a content has all words of a query in it; of an advanced one also those of fields."""
    words = [word for word in text.split() if word not in ("*", "AND")]
    for word in words:
        name, colon, wanted = word.partition(":")
        if advanced and colon:
            if not any(str(value).lower() == wanted.strip('"').lower() for value in values(content, name)):
                return False
        elif not any(word.strip('"').lower() in part for part in _texts(content)):
            return False
    return True


def _texts(content: Any) -> Iterable[str]:
    if isinstance(content, dict):
        for one in cast("Document", content).values():
            yield from _texts(one)
    elif isinstance(content, list):
        for one in cast("list[Any]", content):
            yield from _texts(one)
    else:
        yield str(content).lower()


def _facet(found: Sequence[Entry], rule: Document) -> Document:
    name = str(rule.get("field_name", ""))
    every = [value for entry in found for value in values(entry.content, name)]
    kind = rule.get("type")
    if kind == "terms":
        counted = Counter(str(value) for value in every).most_common(_whole(rule.get("size"), 10))
        buckets = [{"@datatype": "GBucket", "value": value, "count": count} for value, count in counted]
    elif kind == "numeric_histogram":
        buckets = _histogram([float(value) for value in every if isinstance(value, int | float)], rule)
    elif kind == "date_histogram":
        size = {"year": 4, "month": 7, "day": 10}.get(str(rule.get("date_interval")), 10)
        counted = sorted(Counter(str(value)[:size] for value in every).items())
        buckets = [{"@datatype": "GBucket", "value": value, "count": count} for value, count in counted]
    else:
        raise RefusedError(400, "BadRequest.BadFacet", f"The type of a facet is {kind!r:.40}")
    return {"@datatype": "GFacetResult", "name": str(rule.get("name") or name), "buckets": buckets}


def _histogram(numbers: Sequence[float], rule: Document) -> list[Document]:
    limits = cast("Document", rule.get("histogram_range") or {})
    low, high = float(limits.get("low", 0.0)), float(limits.get("high", 1.0))
    count = max(_whole(rule.get("size"), 10), 1)
    step = (high - low) / count
    edges = [(low + place * step, low + (place + 1) * step) for place in range(count)]
    return [
        {
            "@datatype": "GBucket",
            "value": {"from": first, "to": last},
            "count": sum(first <= number < last for number in numbers),
        }
        for first, last in edges
    ]


def _result(subject: str, entries: Sequence[Entry]) -> Document:
    shown: list[Document] = [
        {"entry_id": one.id, "content": one.content, "matched_principal_sets": []} for one in entries
    ]
    return {"@datatype": "GMetaResult", "@version": "2019-08-27", "subject": subject, "entries": shown}


def _key(entry: Entry, name: str) -> Any:
    return next(iter(values(entry.content, name)), None)


def _documents(given: Any) -> list[Document]:
    listed = cast("list[Any]", given) if isinstance(given, list) else []
    return [cast("Document", one) for one in listed if isinstance(one, dict)]


def _whole(given: Any, otherwise: int) -> int:
    return given if isinstance(given, int) and given >= 0 else otherwise
