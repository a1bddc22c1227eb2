"""Finds processes of ours, so that a test can say that none was left behind."""

import time
from contextlib import suppress

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
        children = []
        with suppress(psutil.NoSuchProcess):
            children = process.children(recursive=True)
        for child in children:
            # Some end while they are looked at.
            with suppress(psutil.NoSuchProcess):
                found |= {child.pid: child} if child.status() != psutil.STATUS_ZOMBIE else {}
    return list(found.values())


def listening(processes):
    """List the TCP addresses at which processes listen."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            found += [one.laddr for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
    return found


def left_behind(processes, timeout=30.0):
    """Wait until processes have ended; return those that have not."""
    deadline = time.monotonic() + timeout
    left = list(processes)
    while left and time.monotonic() < deadline:
        _, left = psutil.wait_procs(left, timeout=0.2)
    return [" ".join(process.cmdline()) for process in left if process.is_running()]
