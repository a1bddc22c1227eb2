"""The steps that copy: transfer of the run's files, distribution of files to the experiment's folder."""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from steering.core.errors import SteeringError, cause
from steering.flow_steps.copying import Rights, bytes_there, copy
from steering.flow_steps.hold import point
from steering.flow_steps.manifest import manifest_name, manifest_of, write_manifest
from steering.flow_steps.recorded_run import RunFile
from steering.flow_steps.work import Work
from steering.flows.entries import DistributeEntry, TransferEntry
from steering.flows.templates import fill_path

# A disk must have room for what is copied and for a little more (bytes).
_MARGIN = 50_000_000


def transfer(work: Work, step: TransferEntry) -> dict[str, Any]:
    """Copy the run's files and its journal; return where they are.

    Raises:
        SteeringError: If one cannot be copied.
    """
    folder = work.place(fill_path(step.to, work.facts.words))
    return {"folder": str(folder), "files": _copy_all(work, work.run.files(), folder, Rights())}


def distribute(work: Work, step: DistributeEntry) -> dict[str, Any]:
    """Copy raw files and results to the experiment's folder, and write its manifest; return where they are.

    Raises:
        SteeringError: If one cannot be copied, or there is nothing to copy.
    """
    folder = work.place(fill_path(step.to, work.facts.words))
    files = [one for kind in step.what for one in _of_kind(work, kind)]
    if not files:
        raise SteeringError(
            f"There is nothing to distribute: this run has no {' and no '.join(step.what)}. Put a compute step before "
            "it, or name raw files too."
        )
    rights = Rights(int(step.mode, 8), step.group)
    copied = _copy_all(work, files, folder, rights)
    manifest = _write_manifest(work, folder, copied, step)
    return {"folder": str(folder), "manifest": str(manifest), "files": copied}


def _of_kind(work: Work, kind: str) -> Iterator[RunFile]:
    """List raw files, the transferred ones if there are, or results; each below a folder of its kind."""
    if kind == "results":
        made = cast("Sequence[Mapping[str, Any]]", work.outcomes.get("compute", {}).get("files", ()))
        for one in made:
            path = Path(str(one["path"]))
            yield RunFile(path, f"results/{path.name}", path.stat().st_size)
        return
    moved = work.outcomes.get("transfer")
    if moved is None:
        for one in work.run.files():
            yield RunFile(one.path, f"raw/{one.name}", one.size)
        return
    for one in cast("Sequence[Mapping[str, Any]]", moved["files"]):
        yield RunFile(Path(str(one["path"])), f"raw/{one['name']}", int(one["size"]))


def _copy_all(work: Work, files: Sequence[RunFile], folder: Path, rights: Rights) -> list[dict[str, Any]]:
    """Copy files; those that an earlier try has done are not looked at again."""
    total, done = sum(one.size for one in files), 0
    keys = {one.name: f"{work.step}:{folder / one.name}" for one in files}
    beside: dict[Path, set[str]] = {}
    for one in files:
        beside.setdefault((folder / one.name).parent, set()).add(Path(one.name).name)
    lacking = [one for one in files if keys[one.name] not in work.effects]
    there = (bytes_there(folder / one.name, beside[(folder / one.name).parent]) for one in lacking)
    _see_room(folder, sum(max(one.size - held, 0) for one, held in zip(lacking, there, strict=True)))
    work.tell(0, total)
    copied: list[dict[str, Any]] = []
    for one in files:
        key, target = keys[one.name], folder / one.name
        if key not in work.effects:
            work.intend(key, source=str(one.path), path=str(target), size=one.size)
            base = done
            made = copy(
                one.path, target, lambda now, base=base: work.tell(base + now, total), rights, beside[target.parent]
            )
            point(f"{work.step}.copied")
            work.did(key, name=one.name, path=str(target), size=made.size, sha256=made.sha256, at=time.time())
        effect = work.effects[key]
        done += int(effect["size"])
        copied.append({name: effect[name] for name in ("name", "path", "size", "sha256", "at")})
        work.tell(done, total)
    return copied


def _see_room(folder: Path, size: int) -> None:
    """See that there is room, before anything is copied.

    Raises:
        SteeringError: If there is not.
    """
    there = next(one for one in (folder, *folder.parents) if one.exists())
    free = shutil.disk_usage(there).free
    if free < size + _MARGIN:
        raise SteeringError(
            f"There is no room at {there}: {size / 1e6:.0f} MB are to be copied, and {free / 1e6:.0f} MB are free. "
            "Free space there, and resume."
        )


def _write_manifest(work: Work, folder: Path, copied: Sequence[Mapping[str, Any]], step: DistributeEntry) -> Path:
    """Say beside the files what they are; made anew as a whole whenever the step is done."""
    path, verified = folder / manifest_name(work), "SHA-256, read back from each copy"
    content = manifest_of(work, copied, str(folder), verified, mode=step.mode, group=step.group)
    try:
        made = write_manifest(path, content, int(step.mode, 8))
        if step.group:
            shutil.chown(made, group=step.group)
        made.replace(path)
    except OSError as error:
        raise SteeringError(f"{path} cannot be written: {cause(error)}. Mend that, and resume.") from error
    return path
