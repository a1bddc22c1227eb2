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

from steering.core.direct import MOUNTS
from steering.core.errors import SteeringError

_CELL_SECONDS = 180.0
_LARGEST_MESSAGE = 256 * 2**20


def run_notebook(url: str, token: str, path: Path) -> None:
    """Run all cells of a notebook that lies in the server's root folder, and keep their outputs in it.

    Args:
        url: Of the Jupyter server.
        token: Its token.
        path: The notebook.

    Raises:
        SteeringError: If a cell fails; with its error.
    """
    asyncio.run(_run(url, token, path))


async def _run(url: str, token: str, path: Path) -> None:
    notebook = json.loads(await asyncio.to_thread(path.read_text, encoding="utf-8"))
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60.0, mounts=MOUNTS) as client:
        wish = {"path": path.name, "name": path.name, "type": "notebook", "kernel": {"name": "python3"}}
        answer = await client.post("/api/sessions", json=wish)
        answer.raise_for_status()
        kernel = answer.json()["kernel"]["id"]
        address = f"{url.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels"
        async with connect(address, additional_headers=headers, max_size=_LARGEST_MESSAGE, proxy=None) as socket:
            for number, cell in enumerate((cell for cell in notebook["cells"] if cell["cell_type"] == "code"), 1):
                async with asyncio.timeout(_CELL_SECONDS):
                    cell["outputs"] = await _execute(socket, "".join(cell["source"]))
                cell["execution_count"] = number
                # We have just run it ourselves: without this the server would not trust it, nor Lab show its widgets.
                cell["metadata"]["trusted"] = True
        content = {"type": "notebook", "format": "json", "content": notebook}
        (await client.put(f"/api/contents/{path.name}", json=content)).raise_for_status()


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
