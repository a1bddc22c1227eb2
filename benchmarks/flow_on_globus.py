"""What does a flow on Globus cost beyond the work itself, step by step, from the end of a run to the feature back?

``python -m benchmarks.flow_on_globus [COUNT] [FILE.json]``: scans on the embedded beamline, each followed by a flow of
all steps that runs on the double of Globus on this machine. Beside it a script looks plainly each 10 s for what the
same flow has done; it is measured on the same runs, which end at any moment of its 10 s.

What is work: from the begin of a step's action to its end, by the double's own log. What is not: all before the run is
asked for (the order, checksums, the definition, names that are looked up first), what passes between two actions, and
how late the end of each step is known here, which is when its line is in the journal.
"""

import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from importlib.resources import files
from pathlib import Path

import yaml

import steering
from steering.core.workspace import Workspace
from steering.flow_globus.attempt import last_attempt
from steering.flow_steps.flow_journal import FlowJournal, flows_folder
from steering.flow_steps.recorded_run import find_run
from steering.flows.globus_definition import step_of_state
from steering.globus.flow import Flows
from steering.globus.login import Login
from steering.testing.globus import DoubleGlobus

POLL_SECONDS = 10.0
WAIT_SECONDS = 300
COMPUTE = {"facility": "local", "analyses": [{"analysis": "rocking_curve", "label": "whole", "axes": ["th"]}]}
STEPS = {
    "transfer": {"to": "store/{run.uid}"},
    "compute": COMPUTE,
    "catalogue": {"visible_to": ["public"]},
    "distribute": {"to": "out/{run.short}", "when": "whole.fwhm < 1 deg"},
}


def main(arguments):
    """Measure and print."""
    count = int(arguments[0]) if arguments else 10
    with tempfile.TemporaryDirectory(prefix="steering-") as folder, DoubleGlobus() as double:
        top = Path(folder)
        os.environ.update({**double.environment(), "STEERING_HOME": str(top / "endpoint")})
        workspace = Workspace(top / "workspace")
        session = steering.open(workspace=workspace, beamline=beamline(top, workspace, double), speed=20)
        try:
            # The first one loads what the others find loaded, and makes the flow at Globus.
            rows = [one(session, Login(Workspace(top / "polling"))) for _ in range(count + 1)][1:]
        finally:
            session.shutdown()
            end_endpoint(top / "endpoint")
    report = {name: [row[name] for row in rows] for name in rows[0]}
    for name, values in report.items():
        print(f"{name:34} {statistics.median(values):8.3f} {max(values):8.3f}")
    if len(arguments) > 1:
        Path(arguments[1]).write_text(json.dumps(report, indent=1))


def beamline(top, workspace, double):
    """Write the beamline's file, with a flow on the double's places."""
    workspace.directory.mkdir(parents=True)
    source, eagle, experiment = (
        double.collection(name, folder)
        for name, folder in (("raw", workspace.directory), ("eagle", top / "eagle"), ("experiment", top / "experiment"))
    )
    there = {
        "source": source.id, "destination": eagle.id, "experiment": experiment.id,
        "compute_endpoint": double.compute.endpoint("polaris").id, "compute_folder": str(eagle.folder),
        "compute_config": {"queue": "debug", "account": "aps"}, "index": double.search.make("runs"),
    }  # fmt: skip
    flow = {"trigger": {"at": "end", "scans": ["rocking"]}, "runs_on": "globus", "steps": STEPS, "globus": there}
    path = top / "beamline.yaml"
    text = files("steering.beamline").joinpath("embedded.yaml").read_text().partition("flows:")[0]
    path.write_text(text + yaml.safe_dump({"flows": {"keep": flow}}))
    return path


def one(session, login):
    """Do a scan and its flow; return seconds, by name."""
    uid = session.start("rocking", centre=0.21, range=0.2)
    session.wait(WAIT_SECONDS)
    journal = FlowJournal(flows_folder(session.workspace) / f"keep-{uid[:8]}")
    ended = float(find_run(session.workspace, uid).stop["time"])
    seen, flows = {}, Flows(login)
    polling = threading.Thread(target=poll, args=(journal, flows, ended, seen), daemon=True)
    polling.start()
    session.flows.states.wait(lambda all_of: any(one.id == journal.id for one in all_of), WAIT_SECONDS)
    session.flows.returned.wait(lambda found: is_of(found, uid) or over(journal), WAIT_SECONDS)
    back = time.time()
    state = session.flows.wait(journal.id, WAIT_SECONDS)
    if state.status != "succeeded":
        raise SystemExit(f"{state.status}: {state.why}")
    polling.join()
    acted = actions(flows, last_attempt(journal.lines()).run)
    asked = next(line["time"] for line in journal.lines() if line.get("key") == "globus:run:1" and "run" in line)
    work = sum(acted[step][1] - acted[step][0] for step in ("transfer", "compute"))
    row = {
        "run end to feature back": back - ended,
        "of it transfer and compute": work,
        "overhead to the feature": back - ended - work,
        "run end to order": state.ordered - ended,
        "order to run asked": asked - state.ordered,
        "compute known to session": back - state.step("compute").ended,
    }
    for step in STEPS:
        row[f"{step}: work"] = acted[step][1] - acted[step][0]
        row[f"{step}: known late"] = state.step(step).ended - acted[step][1]
        row[f"{step}: polling, known late"] = seen[step] - acted[step][1]
    return row


def is_of(found, uid):
    """Say whether what has come back is of a run."""
    return "whole" in found and found["whole"].result.provenance.run == uid


def over(journal):
    """Say whether a flow has ended in another way."""
    return journal.state.status in ("failed", "cancelled", "interrupted")


def actions(flows, run):
    """Return begin and end of each step's actions, as Unix times in seconds, by Globus' log."""
    found = {}
    for event in flows.events(run):
        step = step_of_state(event.state)
        if step and event.code in ("ActionStarted", "ActionCompleted"):
            begun, _ = found.get(step, (event.time, event.time))
            found[step] = begun, event.time
    return found


def poll(journal, flows, ended, seen):
    """Look each 10 s, and nothing else, for the steps that are done; note when each was seen."""
    # The run may end at any moment of its 10 s.
    begin = ended - random.uniform(0.0, POLL_SECONDS)
    while len(seen) < len(STEPS):
        time.sleep(POLL_SECONDS - (time.time() - begin) % POLL_SECONDS)
        attempt = last_attempt(journal.lines()) if journal.exists else None
        if attempt is None or not attempt.run:
            continue
        status = flows.status(attempt.run)
        steps = [step_of_state(one.state) for one in flows.events(attempt.run) if one.code == "ActionCompleted"]
        # The catalogue has an action for each entry.
        done = dict.fromkeys(one for one in steps if one != "catalogue" or status.ended or "distribute" in steps)
        for step in done:
            seen.setdefault(step, time.time())


def end_endpoint(folder):
    """End what computes on the endpoint."""
    from steering.commands.stop import stop

    stop(["--workspace", str(folder)])


if __name__ == "__main__":
    main(sys.argv[1:])
