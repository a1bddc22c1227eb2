"""A workspace with a run that has ended, and a facility that computes in the process that asks it."""

import json
import sys

import h5py
import numpy as np

from steering.core.proposal import Ruling
from steering.flows.entries import FlowEntry
from steering.journal.journal import Entry, Journal
from steering.service.wire import asdict
from steering.testing.inline import InlineFacility
from tests.documents import documents_of_a_run

UID = "0123abcd-5678"
POINTS = 40
ALL = {
    "steps": {
        "transfer": {"to": "store/{run.uid}"},
        "compute": {"facility": "inline"},
        "catalogue": {"title": "{run.scan} of {run.sample}", "creators": ["Ana"], "project": {"cycle": "2026-3"}},
        "distribute": {"to": "experiment/{run.sample}", "mode": "0640", "when": "status == success"},
    }
}


class Inline(InlineFacility):
    """Made as the registry makes a facility."""

    def __init__(self, workspace=None, **_settings):
        super().__init__()


def flow(**changes):
    """Make a flow of all steps, some of them others (or left out, with ``None``)."""
    steps = {**ALL["steps"], **changes}
    return FlowEntry.model_validate({"steps": {name: one for name, one in steps.items() if one is not None}})


def measured(workspace, uid=UID, points=POINTS, exit_status="success", began=1.7e9, **start):
    """Write a run as the service does: its frames and its journal, with one ruling."""
    workspace.frames.mkdir(parents=True, exist_ok=True)
    path = workspace.frames / f"{uid}.h5"
    x = np.linspace(-1, 1, points)
    pixels = np.ones((points, 8, 8)) * (10 + 1000 * np.exp(-((x / 0.3) ** 2)))[:, None, None]
    with h5py.File(path, "w") as file:
        file["entry/data/data"] = pixels.astype(np.int32)
    journal = Journal(workspace.journal, "rocking")
    for name, document in documents_of_a_run(points, path, uid):
        content = dict(document)
        if name == "start":
            content |= {
                "time": began,
                "sample": "WSe2 flake",
                "axes": ["th"],
                "beamline": "here",
                "experiment": "GUP-1",
            }
            content |= {"analyses": [{"label": "curve", "analysis": "rocking_curve", "axes": ["th"]}], **start}
        if name == "stop":
            content |= {"exit_status": exit_status, "time": began + 60, "num_events": {"primary": points}}
            journal.write(Entry("ruling", "ruling", asdict(RULING)))
        journal.write(Entry("document", name, content))
    journal.close()
    return uid


RULING = Ruling(
    "r1", "recentre for ana", "set", "exposure", "0.25 s", "1 s", "accepted", "It is dim.", "curve@1 version 3",
    1.8e9, 1.8e9, applied_at=1.8e9, before_point=7,
)  # fmt: skip


def installed(folder):
    """Install the facility ``inline`` for processes whose path names the folder; return their environment."""
    info = folder / "inline-0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: inline\nVersion: 0\n")
    (info / "entry_points.txt").write_text("[steering.facilities]\ninline = tests.flow_runner.workspaces:Inline\n")
    return {"PYTHONPATH": ":".join([str(folder), *[one for one in sys.path if one]])}


def rewritten(workspace, old, new):
    """Have the journal of a run say another path in place of one."""

    def changed(value):
        if isinstance(value, dict):
            return {key: changed(one) for key, one in value.items()}
        if isinstance(value, list):
            return [changed(one) for one in value]
        return value.replace(str(old), str(new)) if isinstance(value, str) else value

    for journal in workspace.journal.glob("*.jsonl"):
        lines = [json.dumps(changed(json.loads(line))) + "\n" for line in journal.read_text().splitlines()]
        journal.write_text("".join(lines))


def beside(workspace, *names, uid=UID):
    """Give a run more files, by their names below the folder of its frames; return what is in them."""
    written = {}
    for name in names:
        path = workspace.frames / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"raw {name}".encode())
        written[name] = path.read_bytes()
    (journal,) = (one for one in workspace.journal.glob("*.jsonl") if uid in one.read_text())
    *lines, last = journal.read_text().splitlines()
    resource = next(one for one in map(json.loads, lines) if one["name"] == "stream_resource")
    for number, name in enumerate(names):
        content = {**resource["content"], "uid": f"more-{number}", "uri": f"file://localhost{workspace.frames / name}"}
        content["data_key"] = f"more_{number}"
        lines.append(json.dumps({**resource, "content": content}))
    journal.write_text("".join(f"{one}\n" for one in (*lines, last)))
    return written


# A name of a file as no person would choose it, and programs do.
AWKWARD = "größe µ\n%20 #1;?'\"\\.h5"


def renamed(workspace, name, old=f"{UID}.h5"):
    """Call the file of a run something else."""
    (workspace.frames / old).rename(workspace.frames / name)
    rewritten(workspace, old, name)
