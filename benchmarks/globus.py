"""What do our clients of Globus add to the work itself, step by step?

``python -m benchmarks.globus [REPEATS] [FILE.json]``: against the double on this machine. A transfer, a function and a
flow last one second each; an entry and a permission are made at once. Each step is timed from the call to the answer,
less the work, at the pace that clients have by default, and beside that at plain polling each 10 s. What remains is the
machinery: requests, names that are looked up first, and the waits between questions.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from steering.core.workspace import Workspace
from steering.globus.compute import Compute, ComputeOrder, new_group
from steering.globus.flow import Flows
from steering.globus.flow_values import Definition
from steering.globus.login import Login
from steering.globus.patience import Pace, Patience
from steering.globus.payload import Source
from steering.globus.search import Entry, SearchIndex
from steering.globus.transfer import Files, TransferOrder, Transfers
from steering.testing.globus import DoubleGlobus

CONFIG = {"queue": "debug", "account": "aps"}
WORK_SECONDS = 1.0
SUM = Source("rest", "def rest(seconds):\n    import time\n    time.sleep(seconds)\n")
PACES = {"ours": Pace(), "polling each 10 s": Pace(first=10.0, growth=1.0, longest=10.0)}


def main(arguments):
    """Measure and print."""
    repeats = int(arguments[0]) if arguments else 5
    with tempfile.TemporaryDirectory(prefix="steering-") as folder, DoubleGlobus() as double:
        os.environ.update(double.environment())
        times = {name: _measured(double, Path(folder), pace, repeats) for name, pace in PACES.items()}
    for step in times["ours"]:
        ours, polling = (statistics.median(times[name][step]) for name in PACES)
        print(f"{step:12} {ours:6.2f} s, polling each 10 s {polling:6.2f} s")
    if len(arguments) > 1:
        Path(arguments[1]).write_text(json.dumps(times, indent=1))


def _measured(double, folder, pace, repeats):
    """Return the seconds of each step, by its name."""
    raw = double.collection("raw", folder / "raw")
    eagle = double.collection("eagle", folder / "eagle")
    (raw.folder / "a.bin").write_bytes(bytes(1000))
    login = Login(Workspace(folder / "home"), Patience(pace=pace))
    transfers, compute, flows = Transfers(login), Compute(login), Flows(login)
    index = SearchIndex(login, double.search.make("runs"))
    endpoint, function = double.compute.endpoint("polaris").id, compute.register(SUM)
    states = {
        "Wait": {"Type": "Wait", "Seconds": 1, "Next": "End"},
        "End": {"Type": "Pass", "Parameters": {"is": 1}, "ResultPath": "$.passed", "End": True},
    }
    flow = flows.make(Definition("benchmark", {"StartAt": "Wait", "States": states}, {"type": "object"}))
    person = double.auth.person.identity

    def transfer(number):
        double.control.stall_transfers()
        threading.Timer(WORK_SECONDS, double.control.stall_transfers, ("",)).start()
        files = (Files("/a.bin", f"/{number}-{pace.first}/a.bin"),)
        transfers.wait(transfers.submit(TransferOrder(transfers.new_submission(), raw.id, eagle.id, files)))

    def run(_):
        compute.wait(compute.submit(ComputeOrder(new_group(), endpoint, function, (WORK_SECONDS,), config=CONFIG)))

    steps = {
        "transfer": transfer,
        "compute": run,
        "catalogue": lambda number: index.ingest(Entry(f"globus://{number}-{pace.first}", {"n": number}, ("public",))),
        "distribute": lambda number: transfers.share(eagle.id, f"/{number}-{pace.first}/", person),
        "flow": lambda number: flows.wait(flows.run(flow, {}, f"{number}-{pace.first}")),
    }
    works = {"transfer": WORK_SECONDS, "compute": WORK_SECONDS, "flow": WORK_SECONDS}
    return {
        name: [_seconds(step, number) - works.get(name, 0.0) for number in range(repeats)]
        for name, step in steps.items()
    }


def _seconds(step, number):
    begin = time.perf_counter()
    step(number)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main(sys.argv[1:])
