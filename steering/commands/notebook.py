"""Runs a notebook in a Jupyter server, as a browser would, and leaves its kernel running.

A browser that opens the notebook afterwards joins that kernel and finds its widgets live.
"""

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect

from steering.core.errors import SteeringError
from steering.machine.direct import MOUNTS

_CELL_SECONDS = 180.0
_LARGEST_MESSAGE = 256 * 2**20

_BESIDE = "from steering.commands.beside_kernel import run_beside\nrun_beside({code!r}, globals())\ndel run_beside"


class Notebook:
    """A notebook in the root folder of a Jupyter server, with a kernel of its own.

    Attributes:
        kernel: Its kernel's id.
    """

    def __init__(self, url: str, token: str, path: Path) -> None:
        """Start its kernel.

        Args:
            url: Of the Jupyter server.
            token: Its token.
            path: The notebook.

        Raises:
            SteeringError: If the server refuses.
        """
        self._url, self._path = url, path
        self._headers = {"Authorization": f"token {token}"}
        wish = {"path": path.name, "name": path.name, "type": "notebook", "kernel": {"name": "python3"}}
        self.kernel = str(self._ask("POST", "/api/sessions", wish)["kernel"]["id"])

    def run(self, number: int) -> None:
        """Run one of its cells, and write its outputs into the notebook; not while a page has it open.

        Args:
            number: Of the code cell, from 0.

        Raises:
            SteeringError: If the cell fails; with its error.
        """
        notebook = json.loads(self._path.read_text(encoding="utf-8"))
        cell = _code_cells(notebook)[number]
        outputs = asyncio.run(self._run("".join(cell["source"])))
        cell["outputs"], cell["execution_count"] = outputs, number + 1
        # We have just run it ourselves: without this the server would not trust it, nor Lab show its widgets.
        cell["metadata"]["trusted"] = True
        self._ask(
            "PUT", f"/api/contents/{self._path.name}", {"type": "notebook", "format": "json", "content": notebook}
        )

    def begin(self, number: int) -> None:
        """Have one of its cells run beside all else that the kernel does, such as drawing the page that joins it.

        Args:
            number: Of the code cell, from 0.

        Raises:
            SteeringError: If the kernel cannot begin with it. What goes wrong later is told on the page.
        """
        cell = _code_cells(json.loads(self._path.read_text(encoding="utf-8")))[number]
        asyncio.run(self._run(_BESIDE.format(code="".join(cell["source"]))))

    def _ask(self, method: str, path: str, content: object) -> Any:
        try:
            with httpx.Client(base_url=self._url, headers=self._headers, timeout=60.0, mounts=MOUNTS) as client:
                answer = client.request(method, path, json=content)
                answer.raise_for_status()
                return answer.json()
        except httpx.HTTPError as error:
            message = f"JupyterLab refuses the notebook {self._path.name}: {error}. Its log is jupyter.log."
            raise SteeringError(message) from error

    async def _run(self, code: str) -> list[dict[str, Any]]:
        address = f"{self._url.replace('http', 'ws', 1)}/api/kernels/{self.kernel}/channels"
        async with (
            connect(address, additional_headers=self._headers, max_size=_LARGEST_MESSAGE, proxy=None) as socket,
            asyncio.timeout(_CELL_SECONDS),
        ):
            return await _execute(socket, code)


def _code_cells(notebook: Any) -> list[Any]:
    return [one for one in notebook["cells"] if one["cell_type"] == "code"]


async def _execute(socket: Any, code: str) -> list[dict[str, Any]]:
    request = uuid.uuid4().hex
    await socket.send(json.dumps(_request(request, code)))
    outputs: list[dict[str, Any]] = []
    while True:
        message = await socket.recv()
        if isinstance(message, bytes):
            # Binary messages belong to widgets; the browser asks for its own.
            continue
        content = json.loads(message)
        if content.get("parent_header", {}).get("msg_id") != request:
            continue
        kind, body = content["msg_type"], content["content"]
        if kind == "error":
            sentence = f"A cell of the notebook failed: {body['ename']}: {body['evalue']}"
            raise SteeringError(sentence)
        if kind == "status" and body["execution_state"] == "idle":
            return outputs
        if kind == "stream":
            outputs.append({"output_type": "stream", "name": body["name"], "text": body["text"]})
        if kind == "display_data":
            outputs.append({"output_type": kind, "data": body["data"], "metadata": body["metadata"]})
        if kind == "execute_result":
            outputs.append(
                {
                    "output_type": kind,
                    "data": body["data"],
                    "metadata": body["metadata"],
                    "execution_count": body["execution_count"],
                }
            )


def _request(identifier: str, code: str) -> dict[str, Any]:
    header = {
        "msg_id": identifier,
        "msg_type": "execute_request",
        "username": "steering",
        "session": uuid.uuid4().hex,
        "date": "",
        "version": "5.3",
    }
    content: dict[str, Any] = {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": True,
    }
    return {
        "header": header,
        "parent_header": {},
        "metadata": {},
        "content": content,
        "channel": "shell",
        "buffers": [],
    }
