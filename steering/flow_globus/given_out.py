"""What the distribute step on Globus adds to its transfer: the manifest beside the files, and who may read them."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from steering.core.errors import SteeringError
from steering.flow_steps.copying import CancelledFlowError
from steering.flow_steps.hold import point
from steering.flow_steps.manifest import manifest_name, manifest_of, write_manifest
from steering.flow_steps.work import Work
from steering.flows.entries import DistributeEntry, FlowEntry
from steering.flows.globus_input import collection_path, under
from steering.flows.templates import fill_path
from steering.globus.login import Login
from steering.globus.sending import Sending
from steering.globus.transfer import Files, Transfers

_KEY, _READER = "globus:manifest", "globus:reader:"
_VERIFIED = (
    "by Globus Transfer, which compared the checksum of each file after it was sent; SHA-256 as it was read before"
)


def finish_giving(work: Work, flow: FlowEntry, login: Login, outcome: Mapping[str, Any], at: float) -> dict[str, Any]:
    """Send the manifest to where the files have gone, and let people read it, once; return the outcome of the step.

    Args:
        work: Of the flow run.
        flow: The flow.
        login: Whose.
        outcome: Of the step: ``folder`` and ``files``.
        at: Unix time in seconds at which Globus had sent and verified all of them.

    Raises:
        SteeringError: If it cannot be sent, or a permission not be given; the next step is resuming.
    """
    step, name = flow.steps.distribute, manifest_name(work)
    if step is None:
        return dict(outcome)
    address = f"{outcome['folder']}/{name}"
    if _KEY not in work.effects:
        path = work.journal.folder / name
        files = [{**one, "at": at} for one in outcome["files"]]
        write_manifest(path, manifest_of(work, files, str(outcome["folder"]), _VERIFIED)).replace(path)
        work.intend(_KEY, path=address)
        point("manifest.intended")
        there = flow.globus
        source = collection_path(there, str(path), work.workspace.directory)
        target = f"{under('/', fill_path(step.to, work.facts.words))}/{name}"
        # Its note has the submission id before anything is sent, so that one is sent however often this is cut off.
        sending = Sending(Transfers(login), work.journal.folder / "manifest-sending.json")
        with _said(work, "their manifest was not"):
            sending.send(there.source, there.experiment, [Files(source, target)], label=f"{work.journal.id}: manifest")
        point("manifest.sent")
        work.did(_KEY, path=address)
    shared = {"readers": list(step.readers)} if step.readers else {}
    _share(work, flow, login, step)
    return {**outcome, "manifest": address, **shared}


@contextmanager
def _said(work: Work, lacking: str) -> Generator[None]:
    """Say what is lacking where something fails after the files were given out, in the journal too."""
    try:
        yield
    except CancelledFlowError:
        raise
    except SteeringError as error:
        why = f"The files were given out, and {lacking}: {error}"
        work.journal.write("failed", {"step": "distribute", "why": why})
        raise SteeringError(f"{why} Then go on: steering flow resume {work.journal.id}") from error


def _share(work: Work, flow: FlowEntry, login: Login, step: DistributeEntry) -> None:
    """Let people read the folder, each once; nobody before all of it is there and verified."""
    folder = f"{under('/', fill_path(step.shared or step.to, work.facts.words)).rstrip('/')}/"
    for reader in step.readers:
        key, (kind, principal) = f"{_READER}{reader}", reader.split(":")[2::2]
        if key in work.effects:
            continue
        work.intend(key, path=folder)
        point("reader.intended")
        with _said(work, f"{reader} may not read them yet"):
            group = kind == "groups"
            rule = Transfers(login).share(flow.globus.experiment, folder, principal, group=group)
        point("reader.shared")
        work.did(key, path=folder, rule=rule)
