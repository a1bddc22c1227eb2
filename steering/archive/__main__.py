"""The process of the record: ``python -m steering.archive``.

A Tiled server (catalogue in SQLite, tables in DuckDB, the detector's HDF5 files by reference) and, beside it, the
recorder that fills it from the journal. It prints one line of JSON when it is ready and ends when its standard input
does.
"""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from steering.archive.key import record_key
from steering.archive.recorder import Recorder
from steering.archive.server import TiledServer
from steering.core.workspace import Workspace
from steering.machine.child_words import say_to_parent
from steering.machine.direct import made_for
from steering.machine.lifeline import hold_lifeline
from steering.machine.loading import loading
from steering.machine.secret_file import make_private

# What the server loads when it starts, and the recorder with the first run.
_LOADED = ("tiled.catalog", "tiled.server.app", "bluesky.callbacks.tiled_writer")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the record; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m steering.archive")
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one")
    options = parser.parse_args(arguments)
    workspace = Workspace(options.workspace)
    # Until the server is up a SIGTERM ends this process at once: there is nothing yet that could be left half done.
    hold_lifeline()
    # Nobody waits for the record, and its start costs ten seconds of a core: what somebody waits for goes first.
    os.nice(10)

    with loading():
        for name in _LOADED:
            import_module(name)
        from tiled.client import from_uri

    key = record_key(workspace)
    make_private(workspace.record)
    make_private(workspace.frames)
    with TiledServer(workspace.record, key, port=options.port, readable=workspace.frames) as server:
        client = made_for(server.url, lambda: from_uri(server.url, api_key=key))
        _record(Recorder(client, workspace.journal, say_to_parent), server.url)
    return 0


def _record(recorder: Recorder, url: str) -> None:
    """Say that the record is ready, and record until told to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    sys.stdout.write(json.dumps({"kind": "ready", "url": url}) + "\n")
    sys.stdout.flush()
    recorder.run(stop)


if __name__ == "__main__":
    sys.exit(main())
