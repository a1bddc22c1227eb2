"""Finds processes of ours, so that a test can say that none was left behind."""

import time

import psutil


def of_workspace(workspace):
    """List the living processes that name a workspace on their command line, or descend from one that does."""
    named = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(workspace.directory) in word for word in line):
            named.append(process)
    found = {process.pid: process for process in named}
    for process in named:
        try:
            living = [one for one in process.children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE]
            found |= {child.pid: child for child in living}
        except psutil.NoSuchProcess:
            continue
    return list(found.values())


def left_behind(processes, timeout=30.0):
    """Wait until processes have ended; return those that have not."""
    deadline = time.monotonic() + timeout
    left = list(processes)
    while left and time.monotonic() < deadline:
        _, left = psutil.wait_procs(left, timeout=0.2)
    return [" ".join(process.cmdline()) for process in left if process.is_running()]
