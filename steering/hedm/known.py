"""Reflections of grains that are known: made once, for a result is made several times a second."""

from functools import lru_cache
from pathlib import Path

from steering.core.errors import SteeringError, cause
from steering.hedm.forward import Hits, hits_of
from steering.hedm.grains import read_grains
from steering.hedm.instrument import Instrument
from steering.spots.crystal import Crystal


def known_hits(path: str, crystal: Crystal, shortest: float, instrument: Instrument) -> tuple[int, Hits]:
    """Find where the grains of a file diffract to.

    Args:
        path: A ``grains.out`` of hexrd.
        crystal: Whose grains they are.
        shortest: Smallest distance of planes that is looked for, in angstrom.
        instrument: With the panel.

    Returns:
        How many grains there are, and the reflections that the panel sees.

    Raises:
        SteeringError: If the file cannot be read.
    """
    try:
        changed = Path(path).stat().st_mtime_ns
    except OSError as error:
        message = f"{path} cannot be read as grains ({cause(error)}). Give a grains.out that this machine sees."
        raise SteeringError(message) from error
    return _known_hits(path, changed, crystal, shortest, instrument)


@lru_cache(maxsize=4)
def _known_hits(path: str, changed: int, crystal: Crystal, shortest: float, instrument: Instrument) -> tuple[int, Hits]:
    del changed
    grains = read_grains(path, crystal)
    hits = hits_of(grains, crystal.reflections(shortest)[0], instrument)
    return len(grains), hits.chosen(hits.on(instrument.shape))
