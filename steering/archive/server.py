"""A Tiled server on loopback over one folder, in a thread of this process.

Tiled's own server for tutorials has its catalogue prepared by another process, which loads all of Tiled a second time:
seven seconds of a core on a beamline's machine. Here the same tables are made in this process.
"""

import asyncio
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from steering.archive.dependencies import remember_dependencies

_START_SECONDS, _LOOK_SECONDS = 60.0, 0.05


class TiledServer:
    """Serves a folder until it is closed.

    Attributes:
        url: Where a Tiled client finds it.
    """

    def __init__(self, directory: Path, key: str, *, port: int = 0, readable: Path | None = None) -> None:
        """Start it; return when it answers.

        Args:
            directory: For the catalogue (SQLite), the tables (DuckDB) and what clients upload.
            key: API key that clients must give.
            port: On 127.0.0.1; 0 picks a free one.
            readable: Folder whose files may be registered by reference.

        Raises:
            TimeoutError: If it does not come up.
        """
        import uvicorn
        from tiled.catalog import from_uri
        from tiled.config import Authentication, StreamingCacheConfig
        from tiled.server.app import build_app
        from tiled.storage import get_storage
        from tiled.utils import ensure_uri

        remember_dependencies()
        directory = directory.resolve()
        data = directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        tables = ensure_uri(f"duckdb:///{directory / 'storage.duckdb'}")
        catalogue = from_uri(
            _prepared(directory / "catalog.db"),
            writable_storage=[data, tables],
            readable_storage=[readable] if readable is not None else None,
            cache_config=StreamingCacheConfig(uri="memory").model_dump(),
        )
        app = build_app(catalogue, authentication=Authentication(single_user_api_key=key))
        self._storage = get_storage(tables)
        _one_at_a_time(self._storage)
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                port=port,
                loop="asyncio",
                log_level="warning",
                access_log=False,
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._thread = threading.Thread(target=self._server.run, name="tiled-server", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.close()
                message = f"The Tiled server over {directory} did not come up within {_START_SECONDS:g} s."
                raise TimeoutError(message)
            time.sleep(_LOOK_SECONDS)
        host, port = self._server.servers[0].sockets[0].getsockname()[:2]
        self.url = f"http://{host}:{port}/api/v1"

    def close(self) -> None:
        """End it; does nothing the second time."""
        self._server.should_exit = True
        self._thread.join()
        self._storage.dispose()

    def __enter__(self) -> Self:
        """Use as a context: closed at its end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _one_at_a_time(storage: Any) -> None:
    """Lend the one connection to DuckDB to one thread after another.

    Tiled gives it to all its threads at once: a table that is read while it grows then gives errors ("no active
    transaction"), and now and then ends the process.
    """
    from sqlalchemy.pool import QueuePool

    clone = storage._adbc_connection.adbc_clone  # noqa: SLF001  (there is no public way to have it)
    vars(storage)["_connection_pool"] = QueuePool(clone, pool_size=1, max_overflow=0)


def _prepared(file: Path) -> str:
    """Make the catalogue's tables unless it has them; return its address."""
    from tiled.alembic_utils import stamp_head
    from tiled.catalog.alembic_constants import ALEMBIC_DIR, ALEMBIC_INI_TEMPLATE_PATH

    address = f"sqlite+aiosqlite:///{file}"
    if asyncio.run(_made(address)):
        # Says which version of Tiled's tables these are, so that a later Tiled knows how to bring them up to date.
        stamp_head(ALEMBIC_INI_TEMPLATE_PATH, ALEMBIC_DIR, address)
    return address


async def _made(address: str) -> bool:
    from sqlalchemy.ext.asyncio import create_async_engine
    from tiled.alembic_utils import UninitializedDatabase, check_database
    from tiled.catalog.core import ALL_REVISIONS, REQUIRED_REVISION, initialize_database

    engine = create_async_engine(address)
    try:
        await check_database(engine, REQUIRED_REVISION, ALL_REVISIONS)
    except UninitializedDatabase:
        await initialize_database(engine)
        return True
    finally:
        await engine.dispose()
    return False
