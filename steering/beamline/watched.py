"""A child process that is started again when it dies."""

import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, cast

from steering.beamline.told_runs import ToldRuns
from steering.core.errors import cause
from steering.core.json import Json
from steering.machine.child_words import said_by_child

_END_SECONDS = 10.0
# A child that died is started again after so long (seconds), then ever later.
_AGAIN_SECONDS, _LATEST_SECONDS = 0.5, 60.0
# Who waits for room in a pipe looks so often (milliseconds) whether somebody is still there to read it.
_ROOM_MILLISECONDS = 500


class Watched:
    """A child that is started again when it dies, ever later if it dies again and again."""

    def __init__(
        self,
        process: "subprocess.Popen[str]",
        again: "Callable[[], subprocess.Popen[str]]",
        title: str,
        lost: str,
        say: Callable[[str], object],
    ) -> None:
        """Watch it, in a thread.

        Args:
            process: The child, with pipes as its standard input and output.
            again: Starts it again.
            title: What it is called at the begin of a sentence.
            lost: What was lost with it, for the end of one.
            say: Takes a sentence when it had to be started again, and what it says to people itself.
        """
        self._process, self._again, self._title, self._lost, self._say = process, again, title, lost, say
        self._ending = threading.Event()
        self._told = ToldRuns()
        self._thread = threading.Thread(target=self._watch, name="steering-watch", daemon=True)
        self._thread.start()
        threading.Thread(target=self._write_all, name="steering-tell", daemon=True).start()

    def end(self) -> None:
        """End it for good."""
        self._ending.set()
        self._told.end()
        end_child(self._process)
        self._thread.join()

    def tell(self, what: Mapping[str, Json]) -> None:
        """Have a line written to its standard input, as soon as there is room for it; never waits."""
        self._told.put(what)

    def _write_all(self) -> None:
        while (told := self._told.take()) is not None and not self._ending.is_set():
            self._write(json.dumps(told).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        """Write a line; one for a child that has died is not needed: the next one looks for what it has missed."""
        process, rest = self._process, line
        while rest and not self._ending.is_set():
            try:
                pipe = cast("IO[str]", process.stdin).fileno()
                os.set_blocking(pipe, False)
                room = select.poll()
                room.register(pipe, select.POLLOUT)
                room.poll(_ROOM_MILLISECONDS)
                rest = rest[os.write(pipe, rest) :]
            except BlockingIOError:
                # Nobody has read for so long.
                continue
            except (OSError, ValueError):
                return

    def _watch(self) -> None:
        died, pause = 0, _AGAIN_SECONDS
        while True:
            began = time.monotonic()
            self._hear(cast("IO[str]", self._process.stdout))
            code = self._process.wait()
            if time.monotonic() - began > _LATEST_SECONDS:
                pause = _AGAIN_SECONDS
            died += 1
            while not self._ending.wait(pause):
                pause = min(2 * pause, _LATEST_SECONDS)
                try:
                    self._process = self._again()
                    break
                except OSError as error:
                    # No memory for it, or too many processes: that passes.
                    self._say(
                        f"{self._title}'s process ended (exit code {code}) and cannot be started again: "
                        f"{cause(error)}. It is tried again in {pause:.3g} s: end what this machine can do without; "
                        f"{self._lost}."
                    )
            else:
                return
            times = "Once" if died == 1 else f"{died} times"
            self._say(
                f"{self._title}'s process ended (exit code {code}) and was started again. {times} so far; {self._lost}."
            )
            if self._ending.is_set():
                # It was told to end in this very moment, and ended the one before.
                end_child(self._process)
                return

    def _hear(self, stream: IO[str]) -> None:
        """Hand on what it says to people; keep reading, so that a talkative child never blocks on a full pipe."""
        for line in stream:
            if sentence := said_by_child(line):
                self._say(sentence)


def end_child(process: "subprocess.Popen[str]") -> None:
    """End a child by its lifeline, or by force where that is not enough."""
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
