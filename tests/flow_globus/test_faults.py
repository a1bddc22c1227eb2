"""What Globus may do to a flow: waited out, or said with the next step; each effect once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from steering.catalogue.catalogue import Catalogue
from steering.core.workspace import Workspace
from steering.flow_runner.orders import cancel
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flows.entries import FlowEntry
from steering.globus.account import Account
from steering.globus.errors import GlobusError
from steering.globus.flow import Flows
from steering.globus.flow_values import Definition
from steering.globus.login import Login
from steering.globus.sending import Sending
from steering.globus.transfer import Transfers
from steering.globus_double.compute_task import ComputeTask
from tests.flow_globus.conftest import opened, runner
from tests.flow_globus.places import STEPS, left
from tests.flow_globus.way import Way
from tests.flow_runner.workspaces import AWKWARD, UID, renamed
from tests.globus.conftest import log_in
from tests.globus.test_flow import asking
from tests.thorough import rare

# They wait for the double's time, not for the processor.
pytestmark = pytest.mark.system

ID = f"keep-{UID[:8]}"
ONCE = {"transfer_tasks": 3, "files_moved": 6, "functions_run": 1, "entries_written": 2, "flow_runs": 1}


def end(there, workspace):
    """Return what a flow has left: files at the destinations, entries here and in the index, features, steps."""
    catalogue = Catalogue(workspace)
    found = [
        {one.subject: one.features for one in entries} for entries in (catalogue.find(), catalogue.on("runs").find())
    ]
    state = FlowJournal(flows_folder(workspace) / ID).state
    assert not list(workspace.directory.rglob("*.part"))
    return left(there, ID), *found, [(one.name, one.status) for one in state.steps]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, forks):
    """How a flow ends to which nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    workspace = Workspace(folder / "workspace")
    with pytest.MonkeyPatch.context() as patch, opened(workspace, folder / "there", patch, forks) as there:
        assert runner(workspace, patch)(there.flow()).status == "succeeded"
        return end(there, workspace)


@pytest.fixture
def once(there, workspace, undisturbed):
    """See that each effect was there once, and that all is as if nothing had happened."""

    def see(**others):
        counted = there.double.control.effects()
        assert {name: counted[name] for name in ONCE} == {**ONCE, **others}
        assert end(there, workspace) == undisturbed

    return see


@pytest.fixture
def journal(workspace):
    return FlowJournal(flows_folder(workspace) / ID)


@pytest.fixture
def until(journal):
    """Wait until the journal says something; fail if it never does."""
    tick = threading.Event()

    def wait(holds):
        for _ in range(3000):
            if journal.exists and holds(journal.state):
                return
            tick.wait(0.01)
        pytest.fail(f"It stands so: {journal.state}")

    return wait


@pytest.fixture
def running(run):
    """Do a flow in a thread."""
    with ThreadPoolExecutor(1) as pool:
        yield lambda entry: pool.submit(run, entry)


@pytest.mark.parametrize(
    ("fault", "step", "said"),
    [
        (
            lambda there: there.double.control.stall_transfers("no data came for 60 s"),
            "transfer",
            "no data came for 60",
        ),
        rare(lambda there: there.double.control.pause_transfers("maintenance"), "transfer", "maintenance"),
        (lambda there: there.double.control.offline(there.source.id), "transfer", "raw is offline"),
        (lambda there: there.double.control.offline(there.endpoint.id), "compute", "has not begun: waiting-for-ep"),
    ],
)
def test_why_it_waits_is_said_and_it_goes_on(there, running, until, fault, step, said, once):
    fault(there)
    doing = running(there.flow())
    until(lambda state: said in state.step(step).why)
    there.double.control.clear()
    assert doing.result(60).status == "succeeded"
    once()


@pytest.mark.parametrize(
    "fault",
    [
        lambda control: control.refuse("flows", 429, times=3, retry_after=0),
        lambda control: control.refuse("", 503, times=4),
        lambda control: control.lose("flows", path="/run", method="POST"),
        rare(lambda control: control.lose("flows", path="/flows", method="POST")),
        rare(lambda control: control.lose("flows", path="/log", times=2)),
        lambda control: control.expire_tokens(),
        lambda control: control.forget_logins(),
        lambda control: control.spoil_files(1),
    ],
)
def test_what_passes_is_waited_out_and_nothing_is_done_twice(there, run, fault, once):
    fault(there.double.control)
    spoilt = there.double._ground.faults.wrong_checksums
    assert run(there.flow()).status == "succeeded"
    once(files_moved=ONCE["files_moved"])
    assert there.effects.flows_made == 1
    assert not spoilt or there.double._ground.faults.wrong_checksums == 0


@pytest.mark.parametrize(
    ("service", "path", "method"),
    [
        rare("flows", "/flows", "POST"),
        ("flows", "/run", "POST"),
        rare("flows", "/log", "GET"),
        ("compute", "", ""),
        ("transfer", "/transfer", "POST"),
    ],
)
def test_an_answer_that_is_none_is_said_and_what_was_done_is_not_done_again(there, run, once, service, path, method):
    there.double.control.garble("<html>Log in to the guest network</html>", service, path=path, method=method)
    state = run(there.flow())
    assert state.status == "failed"
    assert "is not what Globus says" in state.why
    assert f"steering flow resume {ID}" in state.why
    assert "Traceback" not in state.why
    assert run(there.flow()).status == "succeeded"
    once()


def test_a_network_that_is_gone_is_waited_for_while_globus_goes_on(there, running, until, monkeypatch, once):
    way = Way(there.double.port)
    for name, value in there.double.environment().items():
        monkeypatch.setenv(name, value.replace(f":{there.double.port}/", f":{way.port}/"))
    try:
        there.double.control.stall_transfers("no data came")
        doing = running(there.flow())
        until(lambda state: "no data came" in state.step("transfer").why)
        way.cut()
        until(lambda state: "Globus cannot be reached" in state.step("transfer").why)
        there.double.control.stall_transfers("")
        deadline = time.monotonic() + 60.0
        while there.effects.entries_written < ONCE["entries_written"] and time.monotonic() < deadline:
            time.sleep(0.02)
        # All is done there, and nobody here knows.
        assert there.effects.entries_written == ONCE["entries_written"]
        assert not doing.done()
        way.mend()
        assert doing.result(60).status == "succeeded"
        once()
    finally:
        way.close()


def test_a_token_that_ends_on_the_way_is_renewed(there, running, until, once):
    there.double.control.stall_transfers()
    doing = running(there.flow())
    until(lambda state: state.step("transfer").why)
    there.double.control.expire_tokens()
    there.double.control.stall_transfers("")
    assert doing.result(60).status == "succeeded"
    once()


def test_a_lost_node_is_tried_again_without_what_is_done(there, run, journal, once):
    there.double.control.preempt_next(2)
    assert run(there.flow()).status == "succeeded"
    once(flow_runs=3)
    assert there.effects.functions_started == 3
    assert any("The node went away" in line.get("why", "") for line in journal.lines())


def test_a_queue_that_is_refused_is_followed_by_the_next_choice(there, run, journal, once):
    choices = [{"queue": one, "account": "aps", "walltime": "48:00:00"} for one in ("demand", "preemptable")]
    assert run(there.flow({"compute_config": choices})).status == "succeeded"
    once(flow_runs=2)
    (said,) = [
        line["why"] for line in journal.lines() if "was refused" in line.get("why", "") and "tried" in line["why"]
    ]
    assert said.startswith("The queue demand was refused (")
    assert said.endswith("The queue preemptable is tried.")
    state = run(there.flow({"compute_config": choices[:1]}), name="other")
    assert state.status == "failed"
    assert "access to the queue demand is denied" in state.why


def test_a_consent_that_is_missing_is_asked_for_with_its_command_and_the_run_goes_on(there, run, workspace, once):
    there.double.control.need_consent(there.source.id)
    state = run(there.flow())
    assert state.status == "failed"
    begin, _, rest = state.why.partition("steering globus login --consent '")
    assert "rests: A consent is required" in begin
    assert f"steering flow resume {ID}" in rest
    Login(workspace).begin([rest.partition("'")[0]])
    # The flow may read the collection now; the manifest is sent by this login itself, which needs its own.
    state = run(there.flow())
    assert (state.status, state.step("distribute").status) == ("failed", "failed")
    assert state.why.startswith("The files were given out, and their manifest was not: ")
    assert f"steering flow resume {ID}" in state.why
    Login(workspace).begin([state.why.partition("steering globus login --consent '")[2].partition("'")[0]])
    assert run(there.flow()).status == "succeeded"
    once()


def test_a_manifest_that_cannot_be_sent_is_said_and_sent_when_the_flow_is_resumed(there, run, monkeypatch, once):
    send = Sending.send

    def refused(self, *words, **more):
        there.double.control.fail_transfers(1, "no room")
        return send(self, *words, **more)

    monkeypatch.setattr(Sending, "send", refused)
    state = run(there.flow())
    assert (state.status, state.step("distribute").status) == ("failed", "failed")
    assert "no room" in state.why
    assert state.why.endswith(f"Then go on: steering flow resume {ID}")
    assert not list(there.experiment.folder.rglob("MANIFEST-*"))
    monkeypatch.setattr(Sending, "send", send)
    state = run(there.flow())
    assert (state.status, state.step("distribute").status) == ("succeeded", "done")
    assert [path.name for path in there.experiment.folder.rglob("MANIFEST-*")] == [f"MANIFEST-{ID}.json"]
    once(transfer_tasks=4)


def test_who_is_named_may_read_what_was_given_out_and_nothing_else(there, run, workspace):
    person = there.double.auth.person
    readers = [f"urn:globus:groups:id:{person.groups[0]}", f"urn:globus:auth:identity:{person.identity}"]
    shared = {"readers": readers, "shared": "experiment/{run.sample}"}
    flow = there.flow(distribute={**STEPS["distribute"], **shared})
    there.double.control.refuse("transfer", 403, times=1, path="/access", method="POST")
    state = run(flow)
    assert (state.status, state.step("distribute").status) == ("failed", "failed")
    assert state.why.startswith(f"The files were given out, and {readers[0]} may not read them yet: This login may not")
    assert state.why.endswith(f"Then go on: steering flow resume {ID}")
    theirs = Login(workspace, None, Account(there.double.auth.native))
    log_in(theirs)
    with pytest.raises(GlobusError, match="may not list"):
        Transfers(theirs).list(there.experiment.id, "/experiment/WSe2-flake/")
    state = run(flow)
    assert (state.status, state.step("distribute").outcome["readers"]) == ("succeeded", readers)
    assert len(Transfers(theirs).list(there.experiment.id, f"/experiment/WSe2-flake/{UID[:8]}/")) == 3
    for collection, path in ((there.experiment, "/"), (there.experiment, "/experiment/"), (there.eagle, "/store/")):
        with pytest.raises(GlobusError, match="may not list"):
            Transfers(theirs).list(collection.id, path)
    # Another flow of the same sample finds the permissions there.
    assert run(flow, name="again").status == "succeeded"
    assert there.effects.rules_made == 2


@pytest.mark.parametrize(
    ("fault", "step", "said", "others"),
    [
        (lambda control: control.spoil_files(3), "transfer", "wrong checksum", {"flow_runs": 2, "transfer_tasks": 4}),
        (
            lambda control: control.fail_transfers(1, "the deadline has passed"),
            "transfer",
            "the deadline has passed",
            {"flow_runs": 2, "transfer_tasks": 4},
        ),
        (lambda control: control.fail_ingests(1), "catalogue", "could not be indexed", {"flow_runs": 2}),
    ],
)
def test_what_fails_is_said_and_another_try_does_what_is_left(there, run, fault, step, said, others, once):
    fault(there.double.control)
    state = run(there.flow())
    assert (state.status, state.step(step).status) == ("failed", "failed")
    assert said in state.why
    assert f"steering flow resume {ID}" in state.why
    assert run(there.flow()).status == "succeeded"
    once(**others)


def test_it_is_cancelled_at_globus_too_and_goes_on_when_it_is_resumed(there, running, until, journal, workspace, once):
    there.double.control.stall_transfers()
    doing = running(there.flow())
    until(lambda state: state.step("transfer").why)
    cancel(workspace, journal)
    assert doing.result(60).status == "cancelled"
    assert {one.status for one in there.double.flows._runs.values()} == {"ENDED"}
    there.double.control.stall_transfers("")
    assert running(there.flow()).result(60).status == "succeeded"
    once(flow_runs=2, transfer_tasks=4)


def test_one_that_nobody_runs_is_cancelled_at_globus(there, running, until, journal, workspace, monkeypatch):
    there.double.control.stall_transfers()

    def killed(self, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr("steering.flow_globus.mirror.Mirror._begin", killed)
    with pytest.raises(KeyboardInterrupt):
        running(there.flow()).result(60)
    assert journal.state.status == "interrupted"
    assert cancel(workspace, journal).status == "cancelled"
    assert {one.status for one in there.double.flows._runs.values()} == {"ENDED"}


def test_what_globus_ended_while_nobody_looked_is_written_when_it_is_resumed(there, run, journal, monkeypatch):
    entry = there.flow(distribute={"to": "experiment/{run.short}", "when": "curve.fwhm > 100 deg"})

    def killed(self, events):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("steering.flow_globus.mirror.Mirror.write", killed)
        with pytest.raises(KeyboardInterrupt):
            run(entry)
    (at_globus,) = there.double.flows._runs.values()
    assert there.double._ground.until(lambda: at_globus.completed is not None, 30)
    (journal.folder.parents[1] / "frames" / f"{UID}.h5").rename(journal.folder / "moved.h5")
    state = run(entry)
    assert [one.status for one in state.steps] == ["done", "done", "done", "left out"]
    assert there.effects.flow_runs == 1


def test_an_existing_flow_waits_for_a_persons_answer(there, running, until, workspace):
    flows = Flows(Login(workspace))
    definition = asking()
    flow = flows.make(Definition("theirs", definition.states, definition.schema))
    entry = FlowEntry.model_validate({"steps": {}, "globus": {"flow": flow, "input": {"run": "{run.uid}"}}})
    doing = running(entry)
    until(lambda state: "A person is asked" in state.step("flow").why)
    (question,) = flows.questions()
    flows.answer(question, "keep")
    state = doing.result(60)
    assert state.status == "succeeded"
    assert state.step("flow").outcome["output"]["answer"]["details"]["name"] == "keep"


def test_what_is_not_said_is_asked_for_before_anything_is_done(there, run):
    state = run(there.flow({"index": "", "experiment": ""}))
    assert state.status == "failed"
    assert "under 'globus:' of it: index, experiment" in state.why
    assert there.effects.flow_runs == 0


def test_runs_that_would_write_over_each_other_are_refused_before_anything_is_done(there, run):
    state = run(there.flow(distribute={"to": "experiment/{run.sample}"}))
    assert state.status == "failed"
    assert (
        "each needs a folder of its own, with {run.uid} or {run.short} in it. Say so in steps.distribute.to"
        in state.why
    )
    assert there.effects.flow_runs == 0


def test_a_file_outside_of_the_collection_is_named(there, run, tmp_path):
    state = run(there.flow({"source_folder": str(tmp_path / "elsewhere")}))
    assert state.status == "failed"
    assert "source_folder" in state.why
    assert there.effects.flow_runs == 0


def test_a_name_may_be_anything_that_globus_can_say(there, run, workspace):
    renamed(workspace, AWKWARD)
    state = run(there.flow())
    assert state.status == "succeeded", state.why
    for place in (there.eagle, there.experiment):
        assert [path for path in place.folder.rglob("*.h5") if path.name == AWKWARD]
    renamed(workspace, b"\xff.h5".decode(errors="surrogateescape"), AWKWARD)
    state = run(there.flow(), name="again")
    assert state.status == "failed"
    assert "Globus calls files by names in UTF-8, and '\\udcff.h5' is none. Rename it, and resume." in state.why
    assert there.effects.flow_runs == 1


def test_a_file_that_goes_away_before_it_is_sent_is_said_and_the_flow_goes_on_when_it_is_back(
    there, run, workspace, monkeypatch, once
):
    frames, away = workspace.frames / f"{UID}.h5", workspace.directory / "away.h5"

    def gone(name):
        if name == "globus.intended" and not away.exists():
            frames.rename(away)

    with monkeypatch.context() as patch:
        patch.setattr("steering.flow_globus.run.point", gone)
        state = run(there.flow())
    assert (state.status, state.step("transfer").status) == ("failed", "failed")
    assert f"{UID}.h5" in state.why
    assert f"steering flow resume {ID}" in state.why
    away.rename(frames)
    assert run(there.flow()).status == "succeeded"
    once(flow_runs=2, transfer_tasks=4)


def test_what_an_action_says_of_itself_may_be_anything(there, running, until, monkeypatch):
    document = ComputeTask.document
    odd = {"bytes_transferred": "many", "nice_status": "\x1b[2J", "nice_status_details": ["odd", "\x1b[2J"]}
    monkeypatch.setattr(ComputeTask, "document", lambda self: {**document(self), **odd})
    there.double.control.offline(there.endpoint.id)
    doing = running(there.flow())
    until(lambda state: "odd" in state.step("compute").why)
    there.double.control.clear()
    state = doing.result(60)
    assert state.status == "succeeded", state.why
    assert not any("\x1b" in one.why for one in state.steps)


def test_places_may_be_called_by_their_names(there, run, journal, once):
    named = {"source": "raw", "destination": "eagle", "experiment": "experiment", "compute_endpoint": "polaris"}
    assert run(there.flow({**named, "index": "runs"})).status == "succeeded"
    once()
    (line,) = [line for line in journal.lines() if line.get("key") == "globus:places"]
    assert (line["source"], line["index"]) == (there.source.id, there.index)


def test_a_name_that_several_have_is_asked_for_as_an_id(there, run, tmp_path):
    there.double.collection("eagle", tmp_path / "other")
    state = run(there.flow({"destination": "eagle"}))
    assert "destination is 'eagle', and 2 are: " in state.why
    assert run(there.flow({"index": "nothing"}), name="other").why.startswith("index is 'nothing', and none that")
    assert there.effects.flow_runs == 0


def test_without_a_transfer_it_computes_where_the_files_are(there, run, workspace):
    where = {"compute_folder": str(workspace.directory)}
    state = run(there.flow(where, transfer=None, distribute=None, catalogue=None))
    assert state.status == "succeeded", state.why
    assert state.step("compute").outcome["features"]["curve"]["fwhm"]["units"] == "deg"


@pytest.mark.parametrize("left_out", ["compute", rare("catalogue"), rare("distribute")])
def test_a_step_may_be_left_out(there, run, left_out):
    state = run(there.flow(**{left_out: None}))
    assert state.status == "succeeded", state.why


def test_a_step_whose_condition_does_not_hold_is_left_out_and_said(there, run):
    distribute = {"to": "experiment/{run.short}", "when": "curve.fwhm > 100 deg"}
    state = run(there.flow(distribute=distribute))
    assert state.status == "succeeded", state.why
    assert state.step("distribute").why == "status == success and (curve.fwhm > 100 deg) does not hold."
    assert there.effects.transfer_tasks == 1
    state = run(there.flow(compute={"when": "status == fail", **STEPS["compute"]}), name="other")
    assert state.status == "succeeded", state.why
    assert state.step("compute").status == "left out"
