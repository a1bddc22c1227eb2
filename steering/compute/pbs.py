"""PBS Professional and OpenPBS.

Each job is asked for by itself: ``qstat -f -F json`` with two ids prints only the first (a defect of OpenPBS since
2023). An absent answer is no answer; only state F or "Unknown Job Id" is an end. A server without job history, which is
the default, refuses ``qstat -x``; its jobs that have ended are unknown to it.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from steering.compute.answers import ids_in, json_object, last_id, plain_entries
from steering.compute.batch import End, NoAnswerError, Observation, Phase, QueueState, RefusedError
from steering.compute.clock import moment, seconds
from steering.compute.shell import Answer, run

_PHASES: dict[str, Phase] = {
    "Q": "queued", "W": "queued", "T": "queued", "B": "queued", "H": "held", "S": "held", "U": "held",
    "R": "running", "E": "ending", "F": "ended", "X": "ended", "M": "queued",
}  # fmt: skip
_WALLTIME_EXIT = -29
_PER_USER = re.compile(r"\[u:PBS_GENERIC=(\d+)\]")
_QUEUED = re.compile(r"Queued:(\d+)")
_HOST = re.compile(r"([^/+()]+)/")
# An id as qsub and qselect print it, that of an array too.
_ID = re.compile(r"(\d+(?:\[\d*\])?(?:\.[\w.-]+)?)")
_QUOTED = r'"%s"\s*:\s*"([^"]*)"'
_SALVAGED = ("job_state", "exec_host", "comment", "stime")
_UNKNOWN = ("unknown job id", "job has finished")


class Pbs:
    """Asks ``qstat``, submits with ``qsub``, cancels with ``qdel``."""

    def __init__(self) -> None:
        """Nothing is asked yet."""
        self._history = True

    async def submit(self, script: str, name: str, directory: Path) -> str:
        """Submit a script file from the owner's folder (ALCF: not from home); the id keeps its server's name."""
        file = directory / "jobs" / f"{name}.sh"
        file.write_text(script, encoding="utf-8")
        answer = await run(["qsub", str(file)], directory)
        if answer.code != 0:
            raise RefusedError(answer.words or f"qsub ended with code {answer.code} and without a word")
        return last_id(answer.out, _ID)

    async def look(self, ids: Sequence[str]) -> dict[str, Observation]:
        """Ask for each job by itself; an answer that cannot be read hides no other job."""
        found: dict[str, Observation] = {}
        silence: NoAnswerError | None = None
        for one in ids:
            try:
                found[one] = await self._seen(one)
            except NoAnswerError as error:
                silence = error
        if silence is not None and not found:
            raise silence
        return found

    async def find(self, name: str) -> list[str]:
        """Ask ``qselect`` for waiting and running jobs of this name."""
        answer = await run(["qselect", "-N", name])
        if answer.code != 0:
            raise NoAnswerError(answer.words)
        return ids_in(answer.out, _ID)

    async def cancel(self, id: str) -> None:  # noqa: A002  (the batch system's own word)
        """End a job."""
        answer = await run(["qdel", id])
        if answer.code != 0 and not any(word in answer.err.lower() for word in _UNKNOWN):
            raise NoAnswerError(answer.words)

    async def queues(self) -> dict[str, QueueState]:
        """Ask for all queues."""
        answer = await run(["qstat", "-Qf", "-F", "json"])
        if answer.code != 0:
            raise NoAnswerError(answer.words)
        try:
            queues = cast("Mapping[str, Mapping[str, Any]]", json_object(answer.out, "Queue")["Queue"])
        except NoAnswerError:
            queues = plain_entries((await run(["qstat", "-Qf"])).out)
            if not queues:
                raise
        try:
            return {name: queue_state(name, entry) for name, entry in queues.items()}
        except (AttributeError, TypeError, ValueError) as error:
            message = f"PBS said something unreadable of its queues ({error})"
            raise NoAnswerError(message) from error

    async def _seen(self, one: str) -> Observation:
        """Ask for one job; plainly if its JSON cannot be read."""
        answer = await self._asked("-f", "-F", "json", one)
        if answer.code != 0:
            if any(word in answer.err.lower() for word in _UNKNOWN):
                return Observation("gone", answer.words)
            raise NoAnswerError(answer.words)
        try:
            try:
                jobs = json_object(answer.out, "Jobs")["Jobs"]
            except NoAnswerError:
                jobs = plain_entries((await self._asked("-f", one)).out) or {one: _salvaged(answer.out)}
            return observation(_entry(jobs, one))
        except (AttributeError, TypeError, ValueError) as error:
            message = f"PBS said something unreadable of job {one} ({error})"
            raise NoAnswerError(message) from error

    async def _asked(self, *arguments: str) -> Answer:
        """Ask ``qstat``, of jobs that have ended too; by default a server keeps no history of these."""
        if self._history:
            answer = await run(["qstat", "-x", *arguments])
            if answer.code == 0 or "history" not in answer.err.lower():
                return answer
            self._history = False
        return await run(["qstat", *arguments])


def observation(entry: Mapping[str, Any]) -> Observation:
    """Read one job of ``qstat -x -f -F json``."""
    phase = _PHASES.get(str(entry.get("job_state")), "held")
    words = str(entry.get("comment") or "")
    code = int(entry["Exit_status"]) if "Exit_status" in entry and phase == "ended" else None
    resources = cast("Mapping[str, Any]", entry.get("Resource_List") or {})
    estimated = cast("Mapping[str, Any]", entry.get("estimated") or {})
    return Observation(
        phase=phase,
        words=words,
        end=_end(words, code) if phase == "ended" else "",
        exit_code=code,
        nodes=tuple(dict.fromkeys(_HOST.findall(str(entry.get("exec_host") or "")))),
        started=moment(str(entry.get("stime"))) if phase in ("running", "ending", "ended") else math.nan,
        expected_start=moment(str(estimated.get("start_time"))),
        walltime=seconds(str(resources.get("walltime", ""))),
        never="can never run" in words.lower(),
    )


def queue_state(name: str, entry: Mapping[str, Any]) -> QueueState:
    """Read one queue of ``qstat -Qf -F json``."""
    most = cast("Mapping[str, Any]", entry.get("resources_max") or {})
    least = cast("Mapping[str, Any]", entry.get("resources_min") or {})
    waiting = _QUEUED.search(str(entry.get("state_count", "")))
    limits = [int(n) for key in ("max_queued", "max_run") for n in _PER_USER.findall(str(entry.get(key, "")))]
    longest = seconds(str(most.get("walltime", "UNLIMITED")))
    return QueueState(
        name=name,
        takes=_true(entry.get("enabled")) and _true(entry.get("started")),
        queued=int(waiting.group(1)) if waiting else 0,
        nodes_least=int(least.get("nodect", 0)),
        nodes_most=int(most.get("nodect", 0)),
        walltime_most=math.inf if math.isnan(longest) else longest,
        jobs_most=min(limits, default=0),
    )


def _end(words: str, code: int | None) -> End:
    said = words.lower()
    if "terminated by scheduler" in said:
        return "preempted"
    if code == _WALLTIME_EXIT or "exceeded resource walltime" in said:
        return "expired"
    if "terminated by" in said:
        return "cancelled"
    return "finished" if code == 0 else "failed"


def _true(value: object) -> bool:
    return str(value).lower() in ("true", "1", "yes")


def _salvaged(text: str) -> dict[str, Any]:
    """Pick what matters of one job out of JSON that cannot be read at all.

    Raises:
        ValueError: If not even its state is there.
    """
    found = {key: matched.group(1) for key in _SALVAGED if (matched := re.search(_QUOTED % key, text)) is not None}
    if "job_state" not in found or not text.rstrip().endswith("}"):
        message = "it is cut short, or holds no job_state"
        raise ValueError(message)
    code = re.search(r'"Exit_status"\s*:\s*"?(-?\d+)', text)
    walltime = re.search(_QUOTED % "walltime", text)
    more: dict[str, Any] = {"Resource_List": {"walltime": walltime.group(1)}} if walltime is not None else {}
    return {**found, **more, **({"Exit_status": code.group(1)} if code is not None else {})}


def _entry(jobs: object, one: str) -> Mapping[str, Any]:
    """Find a job; PBS may spell its server's name longer or shorter than qsub did."""
    for key, entry in cast("Mapping[str, Any]", jobs or {}).items():
        if key.split(".")[0] == one.split(".", maxsplit=1)[0]:
            return cast("Mapping[str, Any]", entry)
    message = f"PBS said nothing of job {one}"
    raise NoAnswerError(message)
