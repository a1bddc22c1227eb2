"""The runs that the record keeps: listed, searched, read and exported."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from steering.archive.run_entry import RunEntry, entry_of
from steering.archive.small_map import NO_MAP, small_map
from steering.core.errors import SteeringError
from steering.core.proposal import Ruling
from steering.core.result import Result

if TYPE_CHECKING:
    # Both load slowly, and a session that looks at no earlier run needs neither.
    from steering.archive.decisions import Decisions
    from steering.archive.record import RunRecord
    from steering.core.block import Floats

# So many entries of a catalogue are asked for at once, and so many of the newest are searched.
_PAGE = 100
_MOST_SEARCHED = 2000
# A result is written some time after its run has ended (seconds): until then an entry without one may still get one.
_SETTLED_SECONDS = 600.0
_CURVE_POINTS = 40
KINDS = ("csv", "nexus", "png")


def exports_folder(workspace: Path) -> Path:
    """Choose where exports are written: beside the notebook, where its page can show them, else in the workspace."""
    return (Path.cwd() if "JPY_SESSION_NAME" in os.environ else workspace) / "exports"


def decisions_beside(path: Path) -> Path:
    """Name the file of decisions that stands beside an exported CSV, if there were any."""
    return path.with_name(f"{path.stem}-decisions.csv")


# What a session calls a run of the record that is shown in place of the beamline.
RECORD = "record"


class PastDesk(Protocol):
    """A desk that can also look at runs of the record. Its methods may be called from any thread."""

    @property
    def past(self) -> "Past":
        """The runs of the record."""
        ...

    def show(self, run: str, analysis: str = "", **parameters: Any) -> None:
        """Show a run of the record in all panels, analysed as its scan said or in another way."""
        ...

    def unfollow(self) -> None:
        """Show the beamline again."""
        ...


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes:
        entries: The newest run first, without their results.
        searched: How many of the newest runs were looked at.
        whole: Whether there are no others that were not looked at.
    """

    entries: tuple[RunEntry, ...] = ()
    searched: int = 0
    whole: bool = True


class Past:
    """Reads the runs of a record, newest first. All methods may be called from any thread, and take up to seconds."""

    def __init__(self, client: Callable[[], Any], folder: Path) -> None:
        """Prepare; nothing is asked before the first call.

        Args:
            client: Makes, or has, the Tiled client of the record's root; raises a sentence if there is no record.
            folder: Where exports are written; made when it is needed.
        """
        self._client = client
        self.folder = folder
        self._lock = threading.Lock()
        self._known: dict[str, RunEntry] = {}

    def find(self, text: str = "", limit: int = 50) -> Found:
        """Find runs, the newest first.

        Args:
            text: Words that must all be in scan, sample, status, date or number, or begin the uid.
            limit: Most runs that are returned; of the newest 2,000 runs.

        Raises:
            SteeringError: If there is no record, or it does not answer.
        """
        entries: list[RunEntry] = []
        searched = 0
        with _in_words():
            for entry in self._newest_first(self._client()):
                if entry is None:
                    continue
                if len(entries) == limit or searched == _MOST_SEARCHED:
                    return Found(tuple(entries), searched, whole=False)
                searched += 1
                if entry.matches(text):
                    entries.append(entry)
        return Found(tuple(entries), searched)

    def look(self, entry: RunEntry) -> RunEntry:
        """Read what the record keeps of a run's results into its entry: features and a small curve or map.

        Raises:
            SteeringError: If the record does not answer.
        """
        from steering.archive.run_results import NotYetError, RunResults

        with self._lock:
            known = self._known.get(entry.uid)
        if known is not None:
            return known
        with _in_words():
            results = RunResults(self._client(), entry.uid)
            label = _main(entry, results.labels)
            if not label:
                seen = entry
            else:
                try:
                    frames = int(results.provenance(label).get("frames", -1))
                    points = entry.points if entry.points >= 0 else frames
                    curve = _small(*results.curve(label))
                    picture = NO_MAP if curve else small_map(*results.map(label))
                    found = results.features(label)
                    seen = replace(entry, label=label, points=points, features=found, curve=curve, picture=picture)
                except NotYetError:
                    # It is written in this moment: the run is listed, and looked at again.
                    return replace(entry, label=label)
        if entry.status != "unfinished" and (label or time.time() - entry.started > _SETTLED_SECONDS):
            with self._lock:
                self._known[entry.uid] = seen
        return seen

    def forget(self, run: str) -> None:
        """Read a run's result anew when it is next looked at: it was analysed again."""
        with self._lock:
            self._known.pop(run, None)

    def entry(self, run: str) -> RunEntry:
        """Read the entry of one run, by its uid or the beginning of it, with its features.

        Raises:
            SteeringError: If there is no such run, or more than one.
        """
        with _in_words():
            record = self.record(run)
            documents = {"start": record.start, "stop": record.stop}
        return self.look(entry_of(record.uid, documents))

    def record(self, run: str) -> "RunRecord":
        """Open a run, by its uid or the beginning of it.

        Raises:
            SteeringError: If there is no such run, or more than one.
        """
        from steering.archive.record import Record

        return Record(self._client())[run]

    def result(self, run: str, label: str = "") -> Result:
        """Read the final result of a run's analysis.

        Args:
            run: Uid, or the beginning of it.
            label: What the analysis is called; its main one if left out.

        Raises:
            SteeringError: If the record keeps none, or does not answer.
        """
        with _in_words():
            record = self.record(run)
            results = record.results
            wanted = label or _main(entry_of(record.uid, {"start": record.start}), results.labels)
            if not wanted:
                message = (
                    f"The record keeps no result of run {record.uid[:8]}. Analyse it again: "
                    f'session.show("{record.uid[:8]}").'
                )
                raise SteeringError(message)
            return results.result(wanted)

    def decisions(self, run: str) -> "Decisions":
        """Read what was decided on a run.

        Args:
            run: Uid, or the beginning of it.

        Raises:
            SteeringError: If there is no such run, or the record does not answer.
        """
        from steering.archive.decisions import decisions_of

        with _in_words():
            return decisions_of(self.record(run))

    def export(self, run: str, kind: str = "csv", label: str = "", rulings: Sequence[Ruling] = ()) -> Path:
        """Write a run to a new file in :attr:`folder`: its events, a result with uncertainties, decisions.

        Args:
            run: Uid, or the beginning of it.
            kind: ``"csv"`` (points of the result, or the events where there is none), ``"nexus"`` (HDF5 with both) or
                ``"png"`` (a picture of the result, by matplotlib).
            label: Which analysis' result; the main one's if left out.
            rulings: Of a run that goes on: those so far, the oldest first. The record has them when it ends.

        Returns:
            The file. None that is there is ever written over.

        Raises:
            SteeringError: If there is no such run or kind, or it cannot be written.
        """
        from steering.archive.decisions import decisions_of
        from steering.archive.export import write_run

        if kind not in KINDS:
            message = f"There is no export {kind!r:.60}. There are: {', '.join(KINDS)}."
            raise SteeringError(message)
        with _in_words():
            record = self.record(run)
            entry, results = self.entry(record.uid), record.results
            wanted = label or _main(entry, results.labels)
            result = results.result(wanted) if wanted else None
            events = record["primary"] if "primary" in record.streams else None
            decisions = decisions_of(record).with_newer(rulings)
        return write_run(self.folder, kind, entry, result, events, decisions)

    def export_result(self, result: Result, kind: str = "csv", rulings: Sequence[Ruling] = ()) -> Path:
        """Write a result that is at hand, perhaps of a run that goes on, to a new file in :attr:`folder`.

        Args:
            result: What is written.
            kind: As for :meth:`export`.
            rulings: What was decided on its run so far, the oldest first; nothing is written of it if there are none.

        Raises:
            SteeringError: If it cannot be written.
        """
        from steering.archive.decisions import Decisions
        from steering.archive.export import write_run

        source = result.provenance
        entry = RunEntry(
            source.run, points=source.frames, label=source.label or source.analysis, features=result.outcome.features
        )
        return write_run(self.folder, kind, entry, result, None, Decisions(tuple(rulings)) if rulings else None)

    def _newest_first(self, client: Any) -> Iterator[RunEntry | None]:
        """Yield entries, and nothing for what is no run."""
        newest = client.sort(("start.time", -1)).items()
        start = 0
        while True:
            page = newest[start : start + _PAGE]
            for uid, node in page:
                yield entry_of(str(uid), node.metadata) if "start" in node.metadata else None
            start += _PAGE
            if len(page) < _PAGE:
                return


def _main(entry: RunEntry, labels: list[str]) -> str:
    """Choose the label of the main result among those that are kept."""
    return entry.label if entry.label in labels else next(iter(labels), "")


def _small(x: "Floats", y: "Floats") -> tuple[tuple[float, float], ...]:
    """Scale a curve to 0 to 1 and keep at most 40 points, the highest of each part of it."""
    import numpy as np

    known = np.isfinite(x) & np.isfinite(y)
    order = np.argsort(x[known], kind="stable")
    x, y = x[known][order], y[known][order]
    if len(x) < 2 or x[0] == x[-1]:
        return ()
    parts = np.array_split(np.arange(len(x)), min(len(x), _CURVE_POINTS))
    kept = np.array([part[np.argmax(y[part])] for part in parts])
    across = (x[kept] - x[0]) / (x[-1] - x[0])
    height = (y[kept] - y.min()) / ((y.max() - y.min()) or 1.0)
    return tuple((round(float(a), 3), round(float(b), 3)) for a, b in zip(across, height, strict=True))


class _in_words:  # noqa: N801  (used as a statement)
    """Turns what a record that does not answer raises into a sentence."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Raise a sentence in the error's place."""
        import httpx

        if isinstance(error, SteeringError):
            return
        if isinstance(error, httpx.HTTPError | OSError | KeyError | ValueError | TypeError | AttributeError):
            what = f"{type(error).__name__}: {error}"
            message = f"The record cannot be read ({what:.200}). Try again; 'steering check' says whether it runs."
            raise SteeringError(message) from error
