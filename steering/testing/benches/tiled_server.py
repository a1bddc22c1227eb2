"""A Tiled server and a writer of Bluesky documents: ``python -m steering.testing.benches.tiled_server FOLDER``."""

import secrets
import sys
from pathlib import Path
from typing import Any

from steering.archive.server import TiledServer
from steering.machine.loading import loading
from steering.testing.benches.child import serve


def main() -> None:
    """Serve until standard input ends."""
    with loading():
        from bluesky.callbacks.tiled_writer import TiledWriter
        from tiled import catalog, server
        from tiled.client import from_uri

        del catalog, server
    folder, key = Path(sys.argv[1]), secrets.token_hex(16)
    with TiledServer(folder / "tiled", key, readable=folder / "frames") as record:
        client = from_uri(record.url, api_key=key)
        writer = TiledWriter(client, batch_size=1)

        def do(request: dict[str, Any]) -> None:
            if "odd" in request:
                client.create_container("odd", metadata={"start": {"plan_name": "no time"}})
            for name, document in request.get("documents", ()):
                writer(name, document)

        serve({"url": record.url, "key": key}, do)


if __name__ == "__main__":
    main()
