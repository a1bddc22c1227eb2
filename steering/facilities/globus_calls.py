"""Runs of functions by Globus Compute for one facility: each is written down by name before it is asked for."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from hashlib import sha256
from pathlib import Path
from typing import cast

from steering.core.json import Json
from steering.core.workspace import Workspace
from steering.globus.account import folder
from steering.globus.compute import Compute, PreemptedError, QueueRefusedError, RunFailedError, new_group
from steering.globus.errors import GlobusError
from steering.globus.executor import ComputeExecutor
from steering.globus.login import Login
from steering.globus.patience import Pace, Patience
from steering.globus.payload import Source
from steering.machine.secret_file import read_secret, write_secret

# What runs on the endpoint; all else is in steering there.
CALL = Source(
    "steering_call",
    "def steering_call(module, name, arguments):\n"
    "    from steering.facilities.called import call_named\n\n"
    "    return call_named(module, name, arguments)\n",
)
# Who asks how an endpoint is waits so long for Globus, in seconds.
_LOOK_SECONDS = 10.0


class KnownFunctions(MutableMapping[str, str]):
    """Ids of functions that were registered, by checksum, in a private file of the workspace; for one account."""

    def __init__(self, workspace: Workspace, login: Login) -> None:
        """Begin; the file may not be there yet.

        Args:
            workspace: Whose file.
            login: Who registers.
        """
        self._note = folder(workspace) / "functions.json"
        self._client = login.account.client

    def __getitem__(self, checksum: str) -> str:
        """Return the id of a function."""
        return str((read_secret(self._note) or {})[f"{self._client}:{checksum}"])

    def __setitem__(self, checksum: str, function: str) -> None:
        """Keep the id of a function."""
        write_secret(self._note, {**(read_secret(self._note) or {}), f"{self._client}:{checksum}": function})

    def __delitem__(self, checksum: str) -> None:
        """Forget a function."""
        known = read_secret(self._note) or {}
        del known[f"{self._client}:{checksum}"]
        write_secret(self._note, known)

    def __iter__(self) -> Iterator[str]:
        """Name those of this account."""
        begin = f"{self._client}:"
        return (one.removeprefix(begin) for one in read_secret(self._note) or {} if one.startswith(begin))

    def __len__(self) -> int:
        """Count them."""
        return sum(1 for _ in self)


class Calls:
    """Runs of one facility."""

    def __init__(self, workspace: Workspace, notes: Path, endpoint: str, told: Callable[[str], None]) -> None:
        """Begin; nothing is asked of Globus yet.

        Args:
            workspace: Whose login.
            notes: Folder in which runs are written down.
            endpoint: Its id.
            told: Is told why Globus is waited for; from another thread.
        """
        self._workspace, self._notes, self._endpoint, self._told = workspace, notes, endpoint, told

    def online(self) -> bool:
        """Say whether the endpoint can be reached.

        Raises:
            GlobusError: If there is none, nobody is logged in, or Globus does not answer.
        """
        login = Login(self._workspace, Patience(pace=Pace(give_up=_LOOK_SECONDS)))
        return Compute(login).online(self._endpoint)

    def begun(self, key: str) -> bool:
        """Say whether a run was written down, by any process of this workspace."""
        return bool((read_secret(self._note(key)) or {}).get("group"))

    def forget(self, key: str) -> None:
        """Forget a run that has failed: asked for again, it is another one."""
        self._note(key).unlink(missing_ok=True)

    def _note(self, key: str) -> Path:
        return self._notes / f"{sha256(key.encode()).hexdigest()[:32]}.json"

    async def run(self, key: str, config: Mapping[str, Json], arguments: list[Json]) -> Json:
        """Have a function called there; one key is one run, also for the next process that asks.

        Cancelled, it is given up here. Globus runs it to its end, and the same key finds it again.

        Args:
            key: Names it.
            config: The ``user_endpoint_config``.
            arguments: Module, name and arguments of the function.

        Returns:
            What :func:`steering.facilities.called.call_named` returned.

        Raises:
            QueueRefusedError: If the batch system refused the job.
            GlobusError: If nobody is logged in, the node was lost again and again, or the function cannot be run.
        """
        login = Login(self._workspace, Patience())
        note = self._note(key)

        def write(group: str, task: str) -> None:
            write_secret(note, {"key": key, "group": group, "task": task})

        executor = ComputeExecutor(
            login,
            self._endpoint,
            config,
            patience=Patience(pace=login.patience.pace, told=self._told),
            written=write,
            functions=KnownFunctions(self._workspace, login),
        )
        group = str((read_secret(note) or {}).get("group") or new_group())
        try:
            found = executor.find(group, CALL, *arguments)
            return cast("Json", await asyncio.wrap_future(found))
        except GlobusError as error:
            # Only what has ended: a run of which nothing could be heard goes on, and is found by its key.
            if isinstance(error, RunFailedError | PreemptedError | QueueRefusedError):
                self.forget(key)
            raise
        finally:
            executor.shutdown(wait=False, cancel_futures=True)
