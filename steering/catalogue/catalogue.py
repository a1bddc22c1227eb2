"""The local index: one SQLite file of a workspace. An entry that is written again replaces itself."""

import json
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from steering.catalogue.asked import FACETS, facets_of, fitting
from steering.catalogue.entry import Entry, checked_entry
from steering.core.errors import SteeringError
from steering.core.workspace import Workspace
from steering.flows.condition import read_condition
from steering.flows.feature_json import features_json, read_features
from steering.machine.secret_file import make_private

if TYPE_CHECKING:
    from steering.catalogue.published import PublishedCatalogue

_TABLES = """
CREATE TABLE IF NOT EXISTS entries (
  subject TEXT PRIMARY KEY, kind TEXT NOT NULL, run TEXT NOT NULL, flow TEXT NOT NULL, scan TEXT NOT NULL,
  sample TEXT NOT NULL, status TEXT NOT NULL, day TEXT NOT NULL, experiment TEXT NOT NULL, beamline TEXT NOT NULL,
  label TEXT NOT NULL, began REAL NOT NULL, features TEXT NOT NULL, visible_to TEXT NOT NULL, content TEXT NOT NULL,
  writes INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX IF NOT EXISTS by_run ON entries (run);
CREATE INDEX IF NOT EXISTS by_sample ON entries (sample);
"""
_COLUMNS = (
    "subject", "kind", "run", "flow", "scan", "sample", "status", "day", "experiment", "beamline", "label", "began",
    "features", "visible_to", "content",
)  # fmt: skip
_BUSY_SECONDS = 30.0


class Catalogue:
    """Finds runs and results. Its methods may be called from any thread and process."""

    def __init__(self, workspace: Workspace) -> None:
        """Name the file; it is made with the first entry."""
        self._workspace = workspace
        self.path = workspace.directory / "catalogue.sqlite"

    def __repr__(self) -> str:
        """Say how to use it."""
        return f'<Catalogue of {len(self)} entries: .find("tau0 < 1 s", sample="..."), .facets(), .entry("run:UID")>'

    def __len__(self) -> int:
        """Count the entries."""
        return self._ask("SELECT COUNT(*) FROM entries")[0][0] if self.path.exists() else 0

    def on(self, index: str) -> "PublishedCatalogue":
        """Return what is published in an index of Globus Search: ``session.catalogue.on("runs").find("tau0 < 1 s")``.

        Args:
            index: Its id, or what people call it where only one is called so.

        Raises:
            SteeringError: If Globus is not installed.
        """
        # Its clients load slowly, and need an extra that is not there everywhere.
        from steering.catalogue.published import PublishedCatalogue

        return PublishedCatalogue(self._workspace, index)

    def write(self, *entries: Entry) -> None:
        """Write entries, all of them or none; one of the same subject is replaced.

        Raises:
            SteeringError: If one is none, or the file cannot be written.
        """
        rows = [_row(checked_entry(one)) for one in entries]
        make_private(self.path.parent)
        names, marks = ", ".join(_COLUMNS), ", ".join("?" * len(_COLUMNS))
        renewed = ", ".join(f"{name}=excluded.{name}" for name in _COLUMNS[1:])
        statement = (
            f"INSERT INTO entries ({names}) VALUES ({marks}) "  # noqa: S608  (our own names of columns)
            f"ON CONFLICT(subject) DO UPDATE SET {renewed}, writes=writes+1"
        )
        with self._connection() as connection, connection:
            connection.executescript(_TABLES)
            connection.executemany(statement, rows)

    def find(self, condition: str = "", *, kind: str = "", limit: int = 100, **facets: str) -> list[Entry]:
        """Find entries, those of the newest runs first.

        Args:
            condition: On features with units and on the run: ``tau0 < 1 s and status == success``.
            kind: ``"run"`` or ``"result"``; both if left out.
            limit: Most entries that are returned.
            **facets: Exact words: ``sample="WSe2 flake"``, ``scan=``, ``day=``, ``experiment=``, ``flow=`` and so on.

        Raises:
            SteeringError: If the condition is none, there is no such facet, or no entry has a feature that it asks for.
        """
        wanted = facets_of(kind, facets)
        judged = read_condition(condition) if condition else None
        where = " AND ".join(f"{name} = ?" for name in wanted) or "1"
        statement = f"SELECT * FROM entries WHERE {where} ORDER BY began DESC, kind DESC, subject"  # noqa: S608  (facets)
        rows = self._ask(statement, tuple(wanted.values()))
        return fitting(map(_entry, rows), judged, limit)

    def facets(self) -> dict[str, dict[str, int]]:
        """Count the entries by each facet's words, the most frequent first."""
        found: dict[str, dict[str, int]] = {}
        for name in FACETS:
            statement = f"SELECT {name}, COUNT(*) FROM entries WHERE {name} != '' GROUP BY 1 ORDER BY 2 DESC, 1"  # noqa: S608  (names of facets)
            found[name] = dict(self._ask(statement))
        return found

    def features(self) -> dict[str, str]:
        """Name the features that results have, with their units."""
        named: dict[str, str] = {}
        for (text,) in self._ask("SELECT features FROM entries"):
            named.update({name: one["units"] for name, one in json.loads(text).items()})
        return dict(sorted(named.items()))

    def entry(self, subject: str) -> Entry:
        """Read one entry.

        Raises:
            SteeringError: If there is none of that subject.
        """
        found = self.find_entry(subject)
        if found is None:
            raise SteeringError(
                f"The catalogue has no entry {subject!r:.100}. Subjects are run:UID and result:UID:LABEL."
            )
        return found

    def find_entry(self, subject: str) -> Entry | None:
        """Read one entry; nothing if there is none of that subject."""
        rows = self._ask("SELECT * FROM entries WHERE subject = ?", (subject,))
        return _entry(rows[0]) if rows else None

    def writes(self) -> dict[str, int]:
        """Count how often each entry was written, by subject."""
        return dict(self._ask("SELECT subject, writes FROM entries"))

    def _ask(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        if not self.path.exists():
            return []
        with self._connection() as connection:
            return connection.execute(statement, values).fetchall()

    @contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS)) as connection:
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
        except sqlite3.Error as error:
            raise SteeringError(
                f"The catalogue {self.path} cannot be read or written ({error}). Free space, or move the file away: "
                "each flow run writes its entries again when its catalogue step is done again."
            ) from error


def _row(entry: Entry) -> tuple[Any, ...]:
    began, features = float(entry.metadata.get("began") or 0.0), features_json(entry.features)

    def said(name: str) -> str:
        return str(entry.metadata.get(name) or "")

    return (
        entry.subject, entry.kind, entry.run, entry.flow, entry.scan, entry.sample, said("status"), said("day"),
        said("experiment"), said("beamline"), entry.label, began, json.dumps(features),
        json.dumps(list(entry.visible_to)), json.dumps(entry.content),
    )  # fmt: skip


def _entry(row: Any) -> Entry:
    return Entry(
        row["subject"], row["kind"], row["run"], row["flow"], json.loads(row["content"]),
        tuple(json.loads(row["visible_to"])), read_features(json.loads(row["features"])),
    )  # fmt: skip
