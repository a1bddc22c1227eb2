"""A flow on Globus: the same steps, the same journal, the same result as between folders."""

from steering.catalogue.catalogue import Catalogue
from steering.flow_runner.returned import returned_by
from steering.flow_steps.copying import sha256_of
from tests.flow_runner.workspaces import UID


def test_a_run_is_sent_analysed_catalogued_and_given_out(workspace, there, run):
    state = run(there.flow())
    assert (state.status, state.why) == ("succeeded", "")
    assert [one.status for one in state.steps] == ["done"] * 4
    frames = workspace.frames / f"{UID}.h5"
    assert sha256_of(there.eagle.folder / "store" / UID / frames.name) == sha256_of(frames)
    given = there.experiment.folder / "experiment" / "WSe2-flake"
    assert sha256_of(given / "raw" / frames.name) == sha256_of(frames)
    assert (given / "results" / f"{UID[:8]}_curve.nxs").exists()
    (brought,) = returned_by(state)
    assert brought.result.outcome.features["fwhm"].units == "deg"
    entries = {one.subject for one in Catalogue(workspace).find()}
    assert entries == {f"run:{UID}", f"result:{UID}:curve"}
    made = there.effects
    assert (made.flow_runs, made.transfer_tasks, made.functions_run, made.entries_written) == (1, 2, 1, 2)
