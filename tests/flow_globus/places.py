"""A flow on Globus, and the double that it runs on."""

from pathlib import Path
from types import SimpleNamespace

from steering.flow_steps.copying import sha256_of
from steering.flows.entries import FlowEntry
from steering.globus_double import compute_task
from steering.testing.globus import DoubleGlobus
from tests.flow_runner.workspaces import UID, installed

GROUP = "urn:globus:groups:id:00000000-0000-0000-0000-000000000001"
STEPS = {
    "transfer": {"to": "store/{run.uid}"},
    "compute": {"facility": "inline", "analyses": [{"analysis": "rocking_curve", "label": "curve", "axes": ["th"]}]},
    "catalogue": {
        "title": "{run.scan} of {run.sample}", "creators": ["Ana"], "project": {"cycle": "2026-3"},
        "visible_to": ["public"],
    },
    "distribute": {"to": "experiment/{run.sample}/{run.short}", "when": "status == success"},
}  # fmt: skip


FORKED = Path(__file__).parents[1] / "fork_client.py"


class There:
    """The double with its places: the workspace as a collection, two more, an endpoint, an index."""

    def __init__(self, folder, workspace, time_scale=0.01):
        self.double = DoubleGlobus(time_scale=time_scale)
        self.folder = folder
        self.source = self.double.collection("raw", workspace.directory)
        self.eagle = self.double.collection("eagle", folder / "eagle")
        self.experiment = self.double.collection("experiment", folder / "experiment")
        self.endpoint = self.double.compute.endpoint("polaris")
        self.index = self.double.search.make("runs")

    @property
    def globus(self):
        """What stands under ``globus:`` of a flow."""
        return {
            "source": self.source.id, "destination": self.eagle.id, "experiment": self.experiment.id,
            "compute_endpoint": self.endpoint.id, "compute_folder": str(self.eagle.folder), "index": self.index,
            # By the double's time, which is a hundredth: on a busy machine a function takes long.
            "compute_config": {"queue": "preemptable", "account": "aps", "walltime": "48:00:00"},
        }  # fmt: skip

    def flow(self, more=None, **changes):
        """Make a flow of all steps, some of them others (or left out, with ``None``)."""
        steps = {**STEPS, **changes}
        kept = {name: one for name, one in steps.items() if one is not None}
        return FlowEntry.model_validate({"runs_on": "globus", "steps": kept, "globus": {**self.globus, **(more or {})}})

    def environment(self):
        """Lead every process to the double, and let the facility ``inline`` be installed there."""
        home = {"STEERING_HOME": str(self.folder / "home")}
        return {**self.double.environment(), **installed(self.folder / "site"), **home}

    def warm(self, forks, patch):
        """Run functions on nodes that have loaded what they need, as those of Globus Compute have after the first."""
        patch.setattr(compute_task, "_WORKER", FORKED)
        for name, value in forks.environment.items():
            patch.setenv(name, value)

    @property
    def effects(self):
        return SimpleNamespace(**self.double.control.effects())


def left(there, flow):
    """Return what a flow run has left at the destinations, by name."""
    return {
        str(path.relative_to(top)): sha256_of(path) if path.suffix == ".h5" else path.stat().st_size > 0
        for top in (there.eagle.folder / "store" / UID, there.experiment.folder)
        for path in sorted(top.rglob("*.*"))
        if path.is_file() and f"{flow}/" not in str(path.relative_to(top))
    }
