"""Reads the record: runs, their rulings and results as xarray, also while they grow."""

import time
from collections.abc import Callable, Iterator, Mapping
from threading import Event
from typing import Any

import numpy as np
import xarray as xr

from steering.archive.run_results import RunResults
from steering.core.errors import SteeringError
from steering.core.result import Feature
from steering.machine.direct import MOUNTS, key_headers, made_for

_TIMESTAMP_PREFIX = "ts_"
_RETRY_SECONDS = 0.2
_REFUSALS = (401, 403, 404)


def connect_record(url: str, key: str, patience: float = 60.0, given_up: Event | None = None) -> Any:
    """Connect to a Tiled server, which may still be starting.

    Args:
        url: Of its API.
        key: Its API key.
        patience: Longest wait in seconds.
        given_up: Ends the wait when it is set, and all that the client tries again: the record has gone with its
            service.

    Raises:
        SteeringError: If it does not answer in time.
    """
    import httpx
    from tiled.client import from_uri

    headers = key_headers(key)
    deadline, given_up = time.monotonic() + patience, given_up or Event()
    while True:
        try:
            # Asked first, because Tiled's own client tries a silent server for half a minute.
            with httpx.Client(timeout=_RETRY_SECONDS * 10, mounts=MOUNTS, headers=headers) as asking:
                answer = asking.get(f"{url}/")
            if answer.status_code in _REFUSALS:
                raise SteeringError(_detail(answer, url))
            # One that is asked through its service, and is not there yet.
            answer.raise_for_status()
            client = made_for(url, lambda: from_uri(url, api_key=key, headers=headers), own=True)
        except (httpx.HTTPError, OSError) as error:
            if time.monotonic() > deadline or given_up.is_set():
                message = f"The record at {url} does not answer: {error}. Check that its process runs: steering check."
                raise SteeringError(message) from error
            given_up.wait(_RETRY_SECONDS)
        else:
            client.context.http_client.event_hooks["request"].append(_giving_up(given_up))
            return client


def _giving_up(given_up: Event) -> Callable[[Any], None]:
    """Refuse requests once the record is given up: Tiled's client asks a server that has gone ten times, for 45 s."""

    def refuse(request: Any) -> None:
        if given_up.is_set():
            message = f"The record at {request.url.host} has gone with its service."
            raise SteeringError(message)

    return refuse


def _detail(answer: Any, url: str) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"The record at {url} lets nobody in with this key (it answers {answer.status_code})."


class Record:
    """The runs of a Tiled catalogue, newest first."""

    def __init__(self, client: Any) -> None:
        """Read through a Tiled client of the catalogue's root."""
        self._client = client

    def __repr__(self) -> str:
        """Say how to read it."""
        return (
            f"<Record at {self._client.context.api_uri}: record[0] is the newest run, record[0]['primary'] its events "
            "as xarray, record[0].frames() its frames>"
        )

    def __len__(self) -> int:
        """Count the runs."""
        return len(self.runs())

    def __iter__(self) -> Iterator[str]:
        """Iterate over run uids, newest first."""
        return iter(self.runs())

    def __getitem__(self, run: str | int) -> "RunRecord":
        """Open a run by its uid, the beginning of it, or its place (0 is the newest, -1 the oldest).

        Raises:
            SteeringError: If there is no such run, or more than one.
        """
        if isinstance(run, int) and run >= 0:
            # A record may hold a hundred thousand runs: the newest ones are asked for in order.
            newest = self._client.sort(("start.time", -1)).items()[run : run + 1]
            if newest and "start" in newest[0][1].metadata:
                return RunRecord(self._client, newest[0][0])
        elif not isinstance(run, int) and run in self._client and "start" in self._client[run].metadata:
            return RunRecord(self._client, run)
        known = self.runs()
        if isinstance(run, int):
            if not -len(known) <= run < len(known):
                message = f"There is no run {run} in the record. It holds {len(known)} runs."
                raise SteeringError(message)
            return RunRecord(self._client, known[run])
        found = [uid for uid in known if uid.startswith(run)] if run else []
        if not found:
            message = (
                f"None of the {len(known)} runs in the record begins with {run!r:.60}. A run that has just begun is "
                "there some moments later."
            )
            raise SteeringError(message)
        if len(found) > 1:
            message = f"{len(found)} of {len(known)} runs in the record begin with {run!r}. Give more of the uid."
            raise SteeringError(message)
        return RunRecord(self._client, found[0])

    def runs(self) -> list[str]:
        """List the run uids, newest first."""
        nodes = [(key, node) for key, node in self._client.items() if "start" in node.metadata]
        nodes.sort(key=lambda item: _began(item[1].metadata["start"]), reverse=True)
        return [key for key, _ in nodes]


class RunRecord:
    """One run.

    Attributes:
        uid: Its uid.
    """

    def __init__(self, client: Any, uid: str) -> None:
        """Open a run of a catalogue."""
        self.uid = uid
        self._client = client
        self._node = client[uid]

    def __repr__(self) -> str:
        """Say which run it is, how it ended, and what is in it."""
        stop = self.stop
        how = "not ended" if stop is None else stop["exit_status"]
        name = self.start.get("plan_name", "no plan")
        return f"<Run {self.uid[:8]} ({name}, {how}): streams {', '.join(self.streams) or 'none'}>"

    @property
    def start(self) -> Mapping[str, Any]:
        """The start document."""
        return self._node.metadata["start"]

    @property
    def stop(self) -> Mapping[str, Any] | None:
        """The stop document; nothing while the run goes on."""
        return self._client[self.uid].metadata.get("stop")

    @property
    def streams(self) -> list[str]:
        """Names of the streams so far."""
        return sorted(self._client[self.uid])

    def tables(self, stream: str) -> list[str]:
        """Names of what a stream holds so far; its scalar columns are in ``internal``."""
        return sorted(self._stream(stream).base)

    def __getitem__(self, stream: str) -> xr.Dataset:
        """Read the scalar columns of a stream, so far.

        Returns:
            Dataset along dimension ``event`` with coordinate ``seq_num``; one variable a column, units in ``attrs``.

        Raises:
            SteeringError: If there is no such stream, or no event of it is in the record yet.
        """
        node = self._stream(stream)
        if "internal" not in node.base:
            message = (
                f"Run {self.uid} has no event of stream {stream} in the record yet; they come in groups of a few, and "
                "all of them when the run has ended. Read again in a moment."
            )
            raise SteeringError(message)
        keys: Mapping[str, Mapping[str, Any]] = node.metadata["data_keys"]
        table = node.base["internal"].read()
        # After a rewind an event is emitted again with the same number: the last one holds.
        table = table.drop_duplicates("seq_num", keep="last").sort_values("seq_num")
        variables = {
            name: ("event", table[name].to_numpy(), {"units": str((keys.get(name) or {}).get("units") or "")})
            for name in table.columns
            if name != "seq_num" and not name.startswith(_TIMESTAMP_PREFIX)
        }
        return xr.Dataset(variables, {"seq_num": ("event", table["seq_num"].to_numpy())}, {"run": self.uid})

    def frames(
        self, start: int = 0, stop: int | None = None, stream: str = "primary", *, detector: str = ""
    ) -> xr.DataArray:
        """Read detector frames ``start`` to ``stop`` (all so far if left out).

        Args:
            start: The first frame, counted from 0.
            stop: The one after the last.
            stream: Of the run.
            detector: Whose frames; the first one's of the run if left out.

        Returns:
            Array with dimensions ``frame``, ``row``, ``column``, in counts.

        Raises:
            SteeringError: If the run has no such detector, or no frames.
        """
        node = self._stream(stream)
        names = [key for key, entry in node.metadata["data_keys"].items() if entry.get("external")]
        if not names or (detector and detector not in names):
            message = f"Run {self.uid[:8]} has no frames of {detector or 'a detector'}. Its detectors: "
            raise SteeringError(message + (", ".join(names) or "none") + ".")
        name = detector or names[0]
        array = self._client[self.uid][stream].base[name]
        end = array.shape[0] if stop is None else min(stop, array.shape[0])
        # Explicit slices only: a plain read of an array that grows fails with a server error.
        frames = np.asarray(array[start:end])
        frames = frames.reshape((-1, *frames.shape[-2:]))
        coordinates = {"frame": np.arange(start, start + len(frames))}
        return xr.DataArray(frames, coordinates, ("frame", "row", "column"), name, {"units": "counts"})

    @property
    def results(self) -> RunResults:
        """The results that are kept of it, as they are now."""
        return RunResults(self._client, self.uid)

    def result(self, label: str) -> xr.Dataset:
        """Read the final arrays of an analysis, by its label in the scan.

        Returns:
            Dataset whose ``attrs`` hold the features and the provenance as JSON, so that it can be written as netCDF.

        Raises:
            SteeringError: If the record holds none.
        """
        return self.results.data(label)

    def features(self, label: str) -> dict[str, Feature]:
        """Read the final features of an analysis, by its label in the scan.

        Raises:
            SteeringError: If the record holds none.
        """
        return self.results.features(label)

    def provenance(self, label: str) -> dict[str, Any]:
        """Read where the final result of an analysis (by label) comes from: run, parameters, version, facility, times.

        Raises:
            SteeringError: If the record holds none.
        """
        return self.results.provenance(label)

    def _stream(self, stream: str) -> Any:
        node = self._client[self.uid]
        if stream not in node:
            message = f"Run {self.uid[:8]} has no stream {stream!r} yet. It has: {', '.join(node) or 'none'}."
            raise SteeringError(message)
        return node[stream]


def _began(start: Mapping[str, Any]) -> float:
    # A record that others write too may hold a run whose time is none.
    began = start.get("time")
    return float(began) if isinstance(began, int | float) else 0.0
