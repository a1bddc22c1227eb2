"""A Tiled server and a writer of Bluesky documents: ``python -m steering.testing.benches.tiled_server FOLDER``."""

import secrets
import sys
from pathlib import Path
from typing import Any

from bluesky.callbacks.tiled_writer import TiledWriter
from tiled.client import from_uri

from steering.archive.server import TiledServer
from steering.testing.benches.child import serve


def main() -> None:
    """Serve until standard input ends."""
    folder, key = Path(sys.argv[1]), secrets.token_hex(16)
    with TiledServer(folder / "tiled", key, readable=folder / "frames") as server:
        client = from_uri(server.url, api_key=key)
        writer = TiledWriter(client, batch_size=1)

        def do(request: dict[str, Any]) -> None:
            if "odd" in request:
                client.create_container("odd", metadata={"start": {"plan_name": "no time"}})
            for name, document in request.get("documents", ()):
                writer(name, document)

        serve({"url": server.url, "key": key}, do)


if __name__ == "__main__":
    main()
