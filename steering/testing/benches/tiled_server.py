"""A Tiled server and a writer of Bluesky documents: ``python -m steering.testing.benches.tiled_server FOLDER``."""

import secrets
import sys
from pathlib import Path
from typing import Any

from bluesky.callbacks.tiled_writer import TiledWriter
from tiled.client import from_uri
from tiled.server import SimpleTiledServer

from steering.testing.benches.child import serve


def main() -> None:
    """Serve until standard input ends."""
    folder, key = Path(sys.argv[1]), secrets.token_hex(16)
    server = SimpleTiledServer(folder / "tiled", api_key=key, readable_storage=[folder / "frames"])
    try:
        url = server.uri.split("?")[0]
        client = from_uri(url, api_key=key)
        writer = TiledWriter(client, batch_size=1)

        def do(request: dict[str, Any]) -> None:
            if "odd" in request:
                client.create_container("odd", metadata={"start": {"plan_name": "no time"}})
            for name, document in request.get("documents", ()):
                writer(name, document)

        serve({"url": url, "key": key}, do)
    finally:
        # Its thread would keep this process alive.
        server.close()


if __name__ == "__main__":
    main()
