"""A folder of notebooks for one test, on a JupyterLab server that the tests of a process share."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.widgets.lab import Lab, settings_of


@dataclass(frozen=True)
class Server:
    """A JupyterLab server that runs.

    Attributes:
        root: The folder that it serves.
        url: Where it is.
        token: Opens it.
    """

    root: Path
    url: str
    token: str


class Notebooks:
    """What a test has of a shared server: a folder, and nothing of the tests before it.

    Attributes:
        folder: Of the test alone.
        url: Of the server.
        token: Opens it.
    """

    def __init__(self, server: Server, name: str) -> None:
        self.url, self.token = server.url, server.token
        self._root = server.root
        self.folder = server.root / name
        self.folder.mkdir()

    @contextmanager
    def lab(self, **options: Any) -> Iterator[Lab]:
        """Open a browser of the test's own; its kernels, and what it has set, end with it."""
        log = self._root / ".jupyter-state" / "server.log"
        begin = log.stat().st_size
        try:
            with Lab(self.url, self.token, folder=self.folder.name, **options) as lab:
                yield lab
        except BaseException:
            said = log.read_bytes()[begin:].decode(errors="replace").splitlines()[-60:]
            sys.stderr.write("\n".join(["-- JupyterLab and its kernels said:", *said, ""]))
            raise
        finally:
            self._end()

    def _end(self) -> None:
        """End all kernels, and forget themes and whatever else a page has set."""
        headers = {"Authorization": f"token {self.token}"}
        with httpx.Client(base_url=self.url, headers=headers, trust_env=False, timeout=60) as client:
            for kernel in client.get("/api/kernels").raise_for_status().json():
                client.delete(f"/api/kernels/{kernel['id']}").raise_for_status()
        settings_of(self._root)
