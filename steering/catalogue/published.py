"""The catalogue as it is published: an index of Globus Search, found in as the local one is."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any, cast

from steering.catalogue.asked import FACETS, facets_of, fitting
from steering.catalogue.entry import Entry
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.flows.condition import read_condition
from steering.flows.feature_json import read_features
from steering.globus import search
from steering.globus.errors import MissingError
from steering.globus.login import Login
from steering.globus.patience import Pace, Patience

_PAGE = 200
# Nobody waits longer for an answer, in seconds.
_PATIENCE_SECONDS = 30.0


class PublishedCatalogue:
    """Finds runs and results in an index of Globus Search, of those that this login may see.

    Facets are asked of the index. A condition on features is judged here, with its units, as in the local catalogue.
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
                more entries have the facets than Search shows.
        """
        wanted = facets_of(kind, facets)
        judged = read_condition(condition) if condition else None
        return fitting(self._entries(wanted), judged, limit)

    def facets(self) -> dict[str, dict[str, int]]:
        """Count the entries by each facet's words, the most frequent first; of each facet 100 words at most.

        Raises:
            GlobusError: As :meth:`find` does.
        """
        counted = self._opened().find(facets=[_field(name) for name in FACETS], limit=1).facets
        found = {name: counted.get(_field(name), {}) for name in FACETS}
        return {name: {word: count for word, count in one.items() if word} for name, one in found.items()}

    def features(self) -> dict[str, str]:
        """Name the features that results have, with their units.

        Raises:
            GlobusError: As :meth:`find` does.
        """
        named = {name: one.units for entry in self._entries({}) for name, one in entry.features.items()}
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

    def _entries(self, wanted: Mapping[str, str]) -> Iterator[Entry]:
        """Ask for one page after another, as long as somebody reads on."""
        index = self._opened()
        conditions = [search.Condition(_field(name), (word,)) for name, word in wanted.items()]
        newest, first, total = _field("began"), 0, 1
        while first < min(total, search.MOST):
            page = index.find("", conditions, limit=_PAGE, first=first, newest_by=newest)
            total, first = page.total, first + _PAGE
            yield from (entry for one in page.entries if (entry := _read(one)) is not None)
        if total > search.MOST:
            raise SteeringError(
                f"{total} entries of the index {self.index} have these facets, and Search shows the newest "
                f"{search.MOST}. Name more facets, such as sample or day. There are: {', '.join(FACETS)}."
            )

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


def _field(name: str) -> str:
    """Return where a facet stands in an entry's content."""
    return f"project_metadata.{name}"


def _read(one: search.Entry) -> Entry | None:
    """Read an entry; nothing if it is of no run or result, as an index may have others."""
    content = cast("Mapping[str, Any]", one.content)
    try:
        kind, run, *_ = one.subject.split(":", 2)
        said, title = content["project_metadata"], content["dc"]["titles"][0]["title"]
        features, flow = read_features(said["features"]), str(said["flow"])
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None
    if kind not in ("run", "result") or not title:
        return None
    named = "result" if kind == "result" else "run"
    return Entry(one.subject, named, run, flow, content, one.visible_to, features)
