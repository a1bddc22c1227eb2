"""Slurm, asked with ``squeue --json``, which keeps ended jobs for some minutes (``MinJobAge``)."""

import math
import os
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from steering.compute.answers import expand_hosts, json_object, last_id
from steering.compute.batch import End, NoAnswerError, Observation, Phase, QueueState, RefusedError
from steering.compute.clock import moment, seconds
from steering.compute.shell import run

_PHASES: dict[str, Phase] = {
    "PENDING": "queued", "CONFIGURING": "queued", "REQUEUED": "queued", "REQUEUE_FED": "queued",
    "RESV_DEL_HOLD": "held", "REQUEUE_HOLD": "held", "SPECIAL_EXIT": "held", "SUSPENDED": "held", "STOPPED": "held",
    "RUNNING": "running", "SIGNALING": "running", "STAGE_OUT": "ending", "COMPLETING": "ending",
}  # fmt: skip
_ENDS: dict[str, End] = {
    "COMPLETED": "finished", "FAILED": "failed", "OUT_OF_MEMORY": "failed", "BOOT_FAIL": "failed",
    "NODE_FAIL": "preempted", "PREEMPTED": "preempted", "TIMEOUT": "expired", "DEADLINE": "expired",
    "CANCELLED": "cancelled", "REVOKED": "cancelled",
}  # fmt: skip
# Reasons that more waiting will not mend.
_NEVER = {
    "PartitionConfig", "PartitionNodeLimit", "PartitionTimeLimit", "AccountNotAllowed", "InvalidAccount", "InvalidQOS",
    "QOSNotAllowed", "BadConstraints", "PartitionInactive", "AssocMaxNodePerJobLimit", "QOSMaxNodePerJobLimit",
    "AssocMaxWallDurationPerJobLimit", "QOSMaxWallDurationPerJobLimit",
}  # fmt: skip
# With several clusters the id is "id;cluster"; a site's wrapper may leave ``--parsable`` out.
_ID = re.compile(r"(?:Submitted batch job )?(\d+)(?:;[\w.-]+| on cluster \S+)?")
# Asked for where there is no JSON: id, name, state, reason, nodes, start, time limit.
_PLAIN = "%i|%j|%T|%r|%N|%S|%l"
_PREFIX = re.compile(r"sbatch: (error|fatal): (Batch job submission failed: )?")


class Slurm:
    """Asks ``squeue``, submits with ``sbatch``, cancels with ``scancel``."""

    async def submit(self, script: str, name: str, directory: Path) -> str:
        """Submit a script file."""
        file = directory / "jobs" / f"{name}.sh"
        file.write_text(script, encoding="utf-8")
        answer = await run(["sbatch", "--parsable", str(file)], directory)
        if answer.code != 0:
            raise RefusedError(_PREFIX.sub("", answer.words) or f"sbatch ended with code {answer.code}")
        return last_id(answer.out, _ID)

    async def look(self, ids: Sequence[str]) -> dict[str, Observation]:
        """Ask for all jobs at once; one that the list lacks is asked for by itself."""
        jobs = await self._jobs()
        with _readable("its jobs"):
            entries = {str(_number(entry.get("job_id"))): entry for entry in jobs}
            found = {one: observation(entries[one]) for one in ids if one in entries}
        for one in ids:
            if one not in found:
                answer = await run(["scontrol", "show", "job", one])
                if answer.code != 0 and "Invalid job id" in answer.err:
                    found[one] = Observation("gone", answer.words)
        return found

    async def find(self, name: str) -> list[str]:
        """Ask for waiting and running jobs of this name."""
        named = [entry for entry in await self._jobs() if entry.get("name") == name]
        with _readable("its jobs"):
            alive = [entry for entry in named if observation(entry).phase not in ("ended", "gone")]
            return [str(_number(entry.get("job_id"))) for entry in alive]

    async def cancel(self, id: str) -> None:  # noqa: A002  (the batch system's own word)
        """End a job."""
        answer = await run(["scancel", id])
        if answer.code != 0 and "Invalid job id" not in answer.err:
            raise NoAnswerError(answer.words)

    async def queues(self) -> dict[str, QueueState]:
        """Ask for all partitions and their idle nodes."""
        answer = await run(["scontrol", "show", "partition", "-o"])
        nodes = await run(["sinfo", "-h", "-o", "%R|%t|%D"])
        waiting = await run(["squeue", "-h", "-t", "PENDING", "-o", "%P"])
        if answer.code or nodes.code or waiting.code:
            raise NoAnswerError((answer if answer.code else nodes if nodes.code else waiting).words)
        idle: dict[str, int] = {}
        for line in nodes.out.splitlines():
            partition, state, count = [*line.split("|"), "", "", ""][:3]
            if count.isdigit():
                idle[partition] = idle.get(partition, 0) + (int(count) if state == "idle" else 0)
        queued = waiting.out.split()
        lines = [line for line in answer.out.splitlines() if line.startswith("PartitionName=")]
        default = next((line for line in lines if "Default=YES" in line), "")
        with _readable("its partitions"):
            states = {state.name: state for state in (_partition(line, idle, queued) for line in lines)}
            # The queue without a name is the default partition.
            return {**states, **({"": _partition(default, idle, queued)} if default else {})}

    @staticmethod
    async def _jobs() -> list[Mapping[str, Any]]:
        # Of this user alone: those of a whole machine are tens of megabytes, every few seconds.
        ours = f"--user={os.getuid()}"
        answer = await run(["squeue", "--json", "--states=all", ours])
        if answer.code == 0:
            with suppress(NoAnswerError, TypeError):
                return [entry for entry in json_object(answer.out, "jobs")["jobs"] if isinstance(entry, dict)]
        # An old Slurm, or one without its JSON plugin.
        plain = await run(["squeue", "-h", "--states=all", ours, "-o", _PLAIN])
        if plain.code != 0:
            raise NoAnswerError(plain.words)
        return [_plain(line) for line in plain.out.splitlines() if line.count("|") == _PLAIN.count("|")]


@contextmanager
def _readable(what: str) -> Generator[None]:
    """Take what cannot be read for no answer.

    Raises:
        NoAnswerError: If it cannot.
    """
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        message = f"Slurm said something unreadable of {what} ({error})"
        raise NoAnswerError(message) from error


def observation(entry: Mapping[str, Any]) -> Observation:
    """Read one job of ``squeue --json``, of Slurm 22 (plain values) and later (values in objects)."""
    states = entry.get("job_state") or ""
    names = [str(name) for name in cast("list[Any]", states)] if isinstance(states, list) else [str(states)]
    ends: list[End] = [_ENDS[name] for name in names if name in _ENDS]
    phases: list[Phase] = [_PHASES[name] for name in names if name in _PHASES]
    end: End = ends[0] if ends else ""
    phase: Phase = phases[0] if phases else "ended" if end else "held"
    if end and phase == "ending":
        end = ""
    reason = str(entry.get("state_reason") or "")
    described = str(entry.get("state_description") or "")
    words = described if described and described != "None" else reason if reason != "None" else ""
    begun, limit = _number(entry.get("start_time")), _number(entry.get("time_limit"))
    waits = phase in ("queued", "held")
    return Observation(
        phase=phase,
        words=words,
        end=end if phase == "ended" else "",
        exit_code=_exit_code(entry.get("exit_code")) if phase == "ended" else None,
        nodes=tuple(expand_hosts(str(entry.get("nodes") or ""))),
        started=float(begun) if begun and not waits else math.nan,
        expected_start=float(begun) if begun and waits else math.nan,
        walltime=limit * 60.0 if limit else math.nan,
        never=waits and reason in _NEVER,
    )


def _partition(line: str, idle: Mapping[str, int], queued: Sequence[str]) -> QueueState:
    fields = dict(part.split("=", 1) for part in line.split() if "=" in part)
    name = fields["PartitionName"]
    most = fields.get("MaxNodes", "UNLIMITED")
    total = int(fields.get("TotalNodes", "0"))
    longest = seconds(fields.get("MaxTime", "UNLIMITED"))
    return QueueState(
        name=name,
        takes=fields.get("State", "UP") == "UP",
        queued=queued.count(name),
        nodes_free=idle.get(name, 0),
        nodes_all=total,
        nodes_least=int(fields.get("MinNodes", "0")),
        nodes_most=int(most) if most.isdigit() else 0,
        walltime_most=math.inf if math.isnan(longest) else longest,
    )


def _plain(line: str) -> Mapping[str, Any]:
    """Read a line of ``squeue -o``, in the form of its JSON."""
    one, name, state, reason, nodes, start, limit = line.split("|")
    began, longest = moment(start), seconds(limit)
    return {
        # An array that waits is asked for by its own id.
        "job_id": int(re.sub(r"\D.*", "", one) or 0),
        "name": name,
        "job_state": state,
        "state_reason": reason,
        "nodes": nodes if "(" not in nodes else "",
        "start_time": 0 if math.isnan(began) else began,
        "time_limit": 0 if math.isnan(longest) else longest / 60.0,
    }


def _number(value: Any) -> int:
    if isinstance(value, dict):
        wrapped = cast("Mapping[str, Any]", value)
        return int(wrapped.get("number") or 0) if wrapped.get("set", True) else 0
    return int(value or 0)


def _exit_code(value: Any) -> int:
    if isinstance(value, dict):
        return _number(cast("Mapping[str, Any]", value).get("return_code"))
    status = _number(value)
    # A wait status: the code in the upper byte, or the signal in the lower.
    return status >> 8 or (128 + (status & 0x7F) if status else 0)
