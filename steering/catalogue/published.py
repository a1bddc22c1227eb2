"""The catalogue as it is published: an index of Globus Search, found in as the local one is."""

import uuid
from collections.abc import Iterator, Mapping, Sequence

from steering.catalogue.asked import FACETS, facets_of, fitting
from steering.catalogue.entry import Entry
from steering.catalogue.filters import field_of, places_of, rough_filter
from steering.catalogue.searchable import as_written, marked, unmarked
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.flows.condition import Condition, read_condition
from steering.flows.feature_json import read_features
from steering.globus import search
from steering.globus.errors import MissingError
from steering.globus.login import Login
from steering.globus.patience import Pace, Patience

_PAGE = 200
# All entries of a run began when it did. Entries that are sorted alike come in another order on each page.
_NEWEST = tuple(map(field_of, ("began", "kind", "record", "flow", "label")))
# Nobody waits longer for an answer, in seconds.
_PATIENCE_SECONDS = 30.0


class PublishedCatalogue:
    """Finds runs and results in an index of Globus Search, of those that this login may see.

    Facets are asked of the index, and as much of a condition as it can judge. What it finds is judged here, with its
    units, as in the local catalogue.
    """

    def __init__(self, workspace: Workspace, index: str) -> None:
        """Name the index; nothing is asked of Globus yet.

        Args:
            workspace: Whose login is used.
            index: The index's id, or what people call it.
        """
        self._workspace = workspace
        self.index = index

    def __repr__(self) -> str:
        """Say how to use it."""
        return f'<Index {self.index} of Globus Search: .find("tau0 < 1 s", sample="..."), .facets(), .entry("run:UID")>'

    def find(self, condition: str = "", *, kind: str = "", limit: int = 100, **facets: str) -> list[Entry]:
        """Find entries, those of the newest runs first.

        Args:
            condition: On features with units and on the run: ``tau0 < 1 s and status == success``.
            kind: ``"run"`` or ``"result"``; both if left out.
            limit: Most entries that are returned.
            **facets: Exact words: ``sample="WSe2 flake"``, ``scan=``, ``day=``, ``experiment=``, ``flow=`` and so on.

        Raises:
            GlobusError: If a person has to log in first, there is no such index, or Globus does not answer.
            SteeringError: If the condition is none, there is no such facet, no entry has a feature that it asks for, or
                more entries may fit than Search shows.
        """
        wanted: list[search.Filter] = [
            search.Condition(field_of(name), (word if name == "day" else marked(word),))
            for name, word in facets_of(kind, facets).items()
        ]
        judged = read_condition(condition) if condition else None
        index = self._opened()
        if judged is None:
            return fitting(self._entries(index, wanted), None, limit)
        rough = rough_filter(judged.part, self._units(index, judged, wanted))
        if rough is False:
            # What there is in its place is seen on the first page.
            return fitting(self._page(index, wanted, 0)[0], judged, limit)
        return fitting(self._entries(index, wanted if rough is True else [*wanted, rough]), judged, limit)

    def facets(self) -> dict[str, dict[str, int]]:
        """Count the entries by each facet's words, the most frequent first; of each facet 100 words at most.

        Raises:
            GlobusError: As :meth:`find` does.
        """
        counted = self._opened().find(facets=[field_of(name) for name in FACETS], limit=1).facets
        found = {name: counted.get(field_of(name), {}) for name in FACETS}
        return {name: {unmarked(word): count for word, count in one.items() if word} for name, one in found.items()}

    def features(self) -> dict[str, str]:
        """Name the features that results have, with their units.

        Raises:
            GlobusError: As :meth:`find` does.
        """
        named = {name: one.units for entry in self._entries(self._opened(), ()) for name, one in entry.features.items()}
        return dict(sorted(named.items()))

    def entry(self, subject: str) -> Entry:
        """Read one entry.

        Raises:
            GlobusError: As :meth:`find` does.
            SteeringError: If this login sees none of that subject.
        """
        try:
            found = _read(self._opened().get(subject, ""))
        except MissingError:
            found = None
        if found is None:
            raise SteeringError(
                f"The index {self.index} has no entry {subject!r:.100} of a run or a result that this login may see. "
                "Subjects are run:UID and result:UID:LABEL."
            )
        return found

    def _units(
        self, index: search.SearchIndex, condition: Condition, wanted: Sequence[search.Filter]
    ) -> Mapping[str, Sequence[str]]:
        """Ask in which units the index has what a condition asks for, by field."""
        fields = [place.units for name in condition.names for place in places_of(name) if place.units]
        if not fields:
            return {}
        return {field: tuple(found) for field, found in index.find("", wanted, fields, limit=1).facets.items()}

    def _entries(self, index: search.SearchIndex, wanted: Sequence[search.Filter]) -> Iterator[Entry]:
        """Ask for one page after another, as long as somebody reads on."""
        first, total, seen = 0, 1, set[str]()
        while first < min(total, search.MOST):
            page, total = self._page(index, wanted, first)
            first += _PAGE
            # One that is written while we read moves the others to later pages.
            yield from (entry for entry in page if entry.subject not in seen)
            seen |= {entry.subject for entry in page}
        if total > search.MOST:
            raise SteeringError(
                f"{total} entries of the index {self.index} may fit, and Search shows the newest {search.MOST}. Name "
                f"more facets, such as sample or day. There are: {', '.join(FACETS)}."
            )

    def _page(self, index: search.SearchIndex, wanted: Sequence[search.Filter], first: int) -> tuple[list[Entry], int]:
        """Read a page, and say how many entries there are on all of them."""
        page = index.find("", wanted, limit=min(_PAGE, search.MOST - first), first=first, newest_by=_NEWEST)
        return [entry for one in page.entries if (entry := _read(one)) is not None], page.total

    def _opened(self) -> search.SearchIndex:
        login = Login(self._workspace, Patience(pace=Pace(give_up=_PATIENCE_SECONDS)))
        return search.SearchIndex(login, self._id(login))

    def _id(self, login: Login) -> str:
        try:
            return str(uuid.UUID(self.index))
        except ValueError:
            pass
        ids = search.indexes_named(login, self.index)
        if len(ids) != 1:
            many = f"{len(ids)} are: {', '.join(ids[:5])}" if ids else "none that this login may see is"
            raise SteeringError(f"The index is {self.index!r:.80}, and {many} called so. Give its id (a UUID).")
        return ids[0]


def _read(one: search.Entry) -> Entry | None:
    """Read an entry; nothing if it is of no run or result, as an index may have others."""
    content = as_written(one.content)
    try:
        kind, run, *_ = one.subject.split(":", 2)
        said, title = content["project_metadata"], content["dc"]["titles"][0]["title"]
        features, flow = read_features(said["features"]), str(said["flow"])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    if kind not in ("run", "result") or not title:
        return None
    named = "result" if kind == "result" else "run"
    return Entry(one.subject, named, run, flow, content, one.visible_to, features)
