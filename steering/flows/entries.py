"""A flow as it stands in a beamline's file: typed steps, each with a condition, and what starts it."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue
from pydantic_core import PydanticCustomError

from steering.compute.clock import seconds
from steering.core.pool import PoolRequest, Urgency
from steering.flows.condition import Condition, read_condition
from steering.flows.texts import ConditionText, OptionalTemplate, Reader, Template
from steering.flows.trigger_entry import TriggerEntry
from steering.scans.entry import AnalysisEntry
from steering.scans.strict import Strict

_USUAL_MODES = ("400", "440", "444", "600", "640", "644", "660", "664", "700", "750", "755", "770", "775")


def _named(value: Any) -> Any:
    """Let a plain name stand for an analysis without parameters."""
    return {"analysis": value} if isinstance(value, str) else value


class StepEntry(Strict):
    """What all steps have.

    Attributes:
        when: Condition under which it is done; always if left out.
        unasked: Condition on the status of the run that it has besides, unless ``when`` asks for a status itself.
    """

    unasked: ClassVar[str] = ""

    when: ConditionText = ""

    @property
    def condition(self) -> Condition | None:
        """The condition, read."""
        written = read_condition(self.when) if self.when else None
        if not self.unasked or (written is not None and "status" in written.texts):
            return written
        first = read_condition(self.unasked)
        return first if written is None else written.under(first)


class TransferEntry(StepEntry):
    """Copies the run's files and its journal, and verifies each copy.

    Attributes:
        to: Folder, a template; one that is not absolute counts from the workspace.
    """

    to: Template


def _walltime(text: str) -> str:
    if text and not (math.isfinite(seconds(text)) and seconds(text) > 0):
        raise PydanticCustomError("choice", "{text} is no walltime. Write H:MM:SS, such as 0:30:00.", {"text": text})
    return text


class ComputeEntry(StepEntry):
    """Analyses the finished run on a facility.

    Attributes:
        facility: Name of an installed facility.
        urgency: ``live``, ``soon`` or ``batch``: the facility is asked for a pool of this urgency, in the queue, of the
            jobs and for the time that its policy chooses. Left out, the pool that it has is used.
        nodes: Nodes of that pool.
        walltime: Of its jobs, as ``H:MM:SS``; the policy's choice if left out.
        analyses: What is done: names of analyses, or entries with their parameters; those of the scan if left out.
        wait_seconds: Longest wait for the result; a facility that has not answered by then has failed the step.
    """

    facility: str = "local"
    urgency: Literal["", "live", "soon", "batch"] = ""
    nodes: int = Field(default=1, ge=1)
    walltime: Annotated[str, AfterValidator(_walltime)] = ""
    analyses: tuple[Annotated[AnalysisEntry, BeforeValidator(_named)], ...] = ()
    wait_seconds: float = Field(default=604_800.0, gt=0.0, allow_inf_nan=False)

    def request(self, usual: Urgency) -> PoolRequest:
        """Write what is wanted of a facility, as urgent as ``usual`` if it does not say."""
        return PoolRequest(
            "", self.urgency or usual, self.nodes, 0, seconds(self.walltime) if self.walltime else math.nan
        )


class CatalogueEntry(StepEntry):
    """Writes an entry for the run and one for each result.

    A run that still goes on is catalogued, one that was aborted or has failed only if ``when`` asks for it.

    Attributes:
        title: Template.
        creators: Names for DataCite.
        publisher: For DataCite.
        subjects: Words to find it by.
        project: More about the project, as JSON; texts are templates.
        visible_to: Groups that may see it.
    """

    unasked: ClassVar[str] = "status != abort and status != fail"

    title: Template = "{run.scan} {run.number} of {run.sample}"
    creators: tuple[str, ...] = ()
    publisher: str = ""
    subjects: tuple[str, ...] = ()
    project: dict[str, JsonValue] = Field(default_factory=dict)
    visible_to: tuple[str, ...] = ()


def _mode(value: Any) -> Any:
    """Read a file mode as it is written for chmod: YAML takes 0640 for an octal number, and 640 for a decimal one."""
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    return next((text for text in (str(value), f"{value:o}") if text in _USUAL_MODES), str(value))


class DistributeEntry(StepEntry):
    """Copies files to the experiment's folder, with a manifest.

    A run that did not succeed is given out only if ``when`` asks for its status.

    Attributes:
        to: Folder, a template; one that is not absolute counts from the workspace.
        what: ``raw`` and ``results``.
        mode: Of each file, in octal digits as for chmod.
        group: Group that each file is given to; unchanged if left out. Between folders only.
        readers: Who may read the folder besides, as principals of Globus: ``urn:globus:groups:id:UUID`` or
            ``urn:globus:auth:identity:UUID``. On Globus only.
        shared: The folder that they may read, a begin of ``to``; ``to`` itself if left out. A collection has a limited
            number of permissions, so that one for each run runs out.
    """

    unasked: ClassVar[str] = "status == success"

    to: Template
    what: tuple[Literal["raw", "results"], ...] = ("raw", "results")
    mode: Annotated[str, BeforeValidator(_mode), Field(pattern=r"^0?[0-7]{3}$")] = "0640"
    group: str = ""
    readers: tuple[Reader, ...] = ()
    shared: OptionalTemplate = ""


class StepsEntry(Strict):
    """The steps of a flow, done in this order; each may be left out."""

    transfer: TransferEntry | None = None
    compute: ComputeEntry | None = None
    catalogue: CatalogueEntry | None = None
    distribute: DistributeEntry | None = None


def _trigger(value: Any) -> Any:
    return {"at": value} if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    """Let one choice stand for a list of one."""
    return [value] if isinstance(value, dict) else value


class GlobusEntry(Strict):
    """Where the same steps run by Globus; what is left out is asked for when it is needed.

    Collections, endpoint and index are named by their ids, or as people call them where only one is called so.

    Attributes:
        flow: Id of an existing flow to use in place of these steps.
        input: Input of that flow; its texts are templates.
        source: Collection that the beamline's files are on.
        source_folder: Folder of this machine that the collection shows; the workspace if left out.
        source_path: Path of that collection at which the folder lies.
        destination: Collection that is transferred to.
        experiment: Collection that is distributed to.
        compute_endpoint: Endpoint of Globus Compute.
        compute_function: Id of the registered function; ours, registered when it is needed, if left out.
        compute_folder: Folder at which the endpoint sees the root of the collection that it reads from.
        compute_config: The endpoint's ``user_endpoint_config`` (queue, account, walltime, nodes_per_block), or several
            of them: the next one is taken where the batch system refuses a queue.
        facility: Facility whose policy chooses queue, nodes and walltime, as urgent as the compute step says; what it
            chooses goes before what ``compute_config`` says. Left out, ``compute_config`` alone is used.
        queue_endpoint: Endpoint of Globus Compute that sees the queues of that facility, as on its login node; the
            policy goes by the facility's rules alone if left out.
        queue_config: That endpoint's ``user_endpoint_config``.
        index: Index of Globus Search.
    """

    flow: str = ""
    input: dict[str, JsonValue] = Field(default_factory=dict)
    source: str = ""
    source_folder: str = ""
    source_path: str = "/"
    destination: str = ""
    experiment: str = ""
    compute_endpoint: str = ""
    compute_function: str = ""
    compute_folder: str = "/"
    compute_config: Annotated[tuple[dict[str, JsonValue], ...], BeforeValidator(_listed)] = ({},)
    facility: str = ""
    queue_endpoint: str = ""
    queue_config: dict[str, JsonValue] = Field(default_factory=dict)
    index: str = ""


class FlowEntry(Strict):
    """A flow.

    Attributes:
        title: A few words.
        trigger: What starts it.
        steps: What it does.
        runs_on: ``here``, between folders and on a facility, or ``globus``.
        globus: How the same is done by Globus.
    """

    order: ClassVar[tuple[str, ...]] = ("transfer", "compute", "catalogue", "distribute")

    title: str = ""
    trigger: Annotated[TriggerEntry, BeforeValidator(_trigger)] = TriggerEntry()
    steps: StepsEntry
    runs_on: Literal["here", "globus"] = "here"
    globus: GlobusEntry = GlobusEntry()

    @property
    def on_globus(self) -> bool:
        """Whether Globus does it."""
        return self.runs_on == "globus" or bool(self.globus.flow)

    @property
    def step_names(self) -> tuple[str, ...]:
        """What its steps are called; an existing flow of Globus is one step, ``flow``."""
        return ("flow",) if self.globus.flow else tuple(self.named_steps)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the results of its compute step are called, if it says so itself."""
        compute = self.steps.compute
        return tuple(one.label or one.analysis for one in compute.analyses) if compute is not None else ()

    @property
    def named_steps(self) -> Mapping[str, StepEntry]:
        """The steps that it has, by name, in order."""
        found = {name: cast("StepEntry | None", getattr(self.steps, name)) for name in self.order}
        return {name: step for name, step in found.items() if step is not None}
