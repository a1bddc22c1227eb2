"""When files were written: what was read of one holds until it is written anew."""

from pathlib import Path


def written_at(*paths: Path | str) -> tuple[int, ...]:
    """Return when each file was written last, in nanoseconds; -1 for one that is not named or not seen here."""
    return tuple(_written_at(Path(path)) if str(path) else -1 for path in paths)


def _written_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return -1
