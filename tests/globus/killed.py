"""A client that does each step once, and is killed at the n-th request that it sends, before or after the answer.

It reads lines of JSON from standard input, does each in a fork of its own, and says how that ended. So the SDK is
loaded once for hundreds of deaths.
"""

import json
import os
import signal
import sys
import traceback
from pathlib import Path

import requests

from steering.core.workspace import Workspace
from steering.globus.compute import Compute, ComputeOrder, new_group
from steering.globus.flow import Flows
from steering.globus.flow_values import Definition
from steering.globus.login import Login
from steering.globus.patience import Pace, Patience
from steering.globus.payload import Source
from steering.globus.search import Entry, SearchIndex
from steering.globus.sending import Sending
from steering.globus.transfer import Files, Transfers
from steering.machine.secret_file import read_secret, write_secret

SUM = Source("total", "def total(numbers):\n    return sum(numbers)\n")
CONFIG = {"queue": "debug", "account": "aps"}


def main():
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            live(order)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def live(order):
    code = 1
    try:
        die_at(order["request"], order["after"])
        work(order, Path(order["folder"]))
        code = 0
    except Exception:  # noqa: BLE001  (a fork must not return)
        traceback.print_exc()
    finally:
        os._exit(code)


def die_at(number, after):
    """Be killed at a request; never if it is none."""
    send, seen = requests.Session.send, [0]

    def sent(self, *arguments, **more):
        seen[0] += 1
        if seen[0] == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = send(self, *arguments, **more)
        if seen[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    requests.Session.send = sent


class Notes:
    """What is written down before it is done."""

    def __init__(self, file):
        self._file = file

    def once(self, name, make):
        known = read_secret(self._file) or {}
        if name not in known:
            known[name] = make()
            write_secret(self._file, known)
        return known[name]


def work(order, folder):
    patience = Patience(pace=Pace(first=0.01, longest=0.05, settle=0.1))
    login, notes = Login(Workspace(folder), patience), Notes(folder / "notes.json")
    name = folder.name
    transfers = Transfers(login)
    files = (Files("/run/", f"/{name}/", folder=True),)
    Sending(transfers, folder / "sending.json").send(order["raw"], order["eagle"], files)
    transfers.share(order["eagle"], f"/{name}/", order["person"])
    compute = Compute(login)
    function = notes.once("function", lambda: compute.register(SUM))
    group = notes.once("group", new_group)
    task = compute.submit(ComputeOrder(group, order["endpoint"], function, ([1, 2],), config=CONFIG))
    total = compute.wait(task)
    SearchIndex(login, order["index"]).ingest(Entry(f"globus://{name}", {"total": total}, ("public",)))
    flows = Flows(login)
    states = {"One": {"Type": "Pass", "Parameters": {"is": 1}, "ResultPath": "$.passed", "End": True}}
    flow = flows.make(Definition(f"killed {name}", {"StartAt": "One", "States": states}, {"type": "object"}))
    tag = notes.once("tag", new_group)
    flows.wait(flows.run(flow, {"total": total}, tag))


if __name__ == "__main__":
    main()
