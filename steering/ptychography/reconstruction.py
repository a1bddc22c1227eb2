"""A reconstruction that grows with a scan, and yet says the same of the same frames.

Frames are taken in the order of their numbers. The first 32 of them are iterated on from the start, then the first 40,
50, and so on, each from where the last stage ended, and at last all frames. So the result is a function of the set of
frames. As frames come in the order of their numbers, or nearly so, the stages of a longer run begin with those of a
shorter one: a process keeps how they ended, and only goes on. Whatever it has kept, the bits are the same.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.ptychography.lattice import Lattice
from steering.ptychography.patterns import Patterns
from steering.ptychography.projections import Iterate, Wave, improved, summed
from steering.ptychography.start import focus, starting_probe

FEWEST = 4
FIRST_STAGE, _GROWTH = 32, 1.25
# So many stages are kept, and so many bytes of them.
_KEPT, _KEPT_BYTES = 8, 1 << 28


@dataclass(frozen=True, eq=False)
class Course:
    """How frames are iterated on.

    Attributes:
        pixel: Height and width of a pixel of the object in micrometres.
        iterations: Of each stage.
        modes: How many modes the probe has.
        probe: To begin with, shape ``(modes, rows, columns)`` with the beam in the middle; made of the patterns if
            left out.
        curvature: Of the far field that such a probe is made with, wavelength * defocus in square micrometres.
        off: How far positions may be off in micrometres; 0 takes them for right, and for whole pixels.
    """

    pixel: tuple[float, float]
    iterations: int = 10
    modes: int = 1
    probe: Wave | None = None
    curvature: float = 0.0
    off: float = 0.0

    @property
    def key(self) -> bytes:
        """Bytes that differ where the course does."""
        given = b"" if self.probe is None else self.probe.tobytes()
        return repr((self.pixel, self.iterations, self.modes, self.curvature, self.off)).encode() + given


def stages(frames: int) -> Iterator[int]:
    """Yield how many of the first frames each stage takes; the last one takes all."""
    size = FIRST_STAGE
    while size < frames:
        yield size
        size = int(size * _GROWTH)
    yield frames


def reconstruct(patterns: Patterns, course: Course) -> Iterate:
    """Reconstruct object and probe from a set of frames.

    Args:
        patterns: Four or more, with counts.
        course: How.

    Returns:
        The last iterate; each process that gives it the same frames gets the same bits.

    Raises:
        ValueError: If the positions are too far apart, or the probe does not fit the patterns.
    """
    sizes = [*stages(len(patterns))]
    keys = _keys(patterns, course, sizes)
    held, iterate = -1, None
    for place in reversed(range(len(sizes))):
        iterate = _MEMORY.get(keys[place])
        if iterate is not None:
            held = place
            break
    for size, key in zip(sizes[held + 1 :], keys[held + 1 :], strict=True):
        some = patterns.first(size)
        iterate = _iterated(some, course, iterate)
        _MEMORY.put(key, iterate)
    assert iterate is not None  # noqa: S101  (there is always a last stage)
    return iterate


def iterated(patterns: Patterns, lattice: Lattice, iterate: Iterate, count: int, most: float = 0.0) -> Iterate:
    """Do a number of iterations on the same frames; ``most`` is how far one may be off in pixels."""
    # Half floats are slow to compute with.
    amplitudes = patterns.amplitudes.astype(np.float32)
    for _ in range(count):
        iterate = improved(iterate, summed(amplitudes, lattice, iterate), most)
    return iterate


def begun(patterns: Patterns, lattice: Lattice, course: Course) -> Iterate:
    """Begin with an object that lets everything through.

    Raises:
        ValueError: If the probe does not fit the patterns.
    """
    wave = focus(patterns.amplitudes, course.pixel, course.curvature) if course.probe is None else course.probe
    first = starting_probe(patterns.amplitudes, course.modes, wave)
    moves = np.zeros((len(patterns), 2)) if course.off else None
    return Iterate(np.ones(lattice.shape, np.complex64), first, lattice.corner, np.zeros(lattice.shape), moves=moves)


def grown(iterate: Iterate, lattice: Lattice) -> Iterate:
    """Lay the object of an earlier stage into a lattice that holds it."""
    top, left = (before - now for before, now in zip(iterate.corner, lattice.corner, strict=True))
    rows, columns = iterate.object.shape
    whole: NDArray[np.complex64] = np.ones(lattice.shape, np.complex64)
    whole[top : top + rows, left : left + columns] = iterate.object
    moves = iterate.moves
    if moves is not None:
        moves = np.concatenate([moves, np.zeros((len(lattice.places) - len(moves), 2))])
    return Iterate(whole, iterate.probe, lattice.corner, np.zeros(lattice.shape), iterate.errors, moves)


def _iterated(patterns: Patterns, course: Course, before: Iterate | None) -> Iterate:
    high, wide = patterns.amplitudes.shape[1:]
    lattice = Lattice.of(patterns.positions, course.pixel, (high, wide))
    start = begun(patterns, lattice, course) if before is None else grown(before, lattice)
    return iterated(patterns, lattice, start, course.iterations, course.off / max(course.pixel))


def _keys(patterns: Patterns, course: Course, sizes: list[int]) -> list[bytes]:
    """Name the first frames of each stage, by what they are."""
    found: list[bytes] = []
    digest = hashlib.sha256(course.key)
    digest.update(repr(patterns.amplitudes.shape[1:]).encode())
    done = 0
    for size in sizes:
        digest.update(patterns.positions[done:size].tobytes())
        digest.update(np.ascontiguousarray(patterns.amplitudes[done:size]).data)
        done = size
        found.append(digest.digest())
    return found


class _Memory:
    """How the last few stages ended, of whichever runs; several threads may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[bytes, Iterate] = OrderedDict()

    def get(self, key: bytes) -> Iterate | None:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def put(self, key: bytes, iterate: Iterate) -> None:
        with self._lock:
            self._held[key] = iterate
            while len(self._held) > _KEPT or (len(self._held) > 1 and self._bytes() > _KEPT_BYTES):
                self._held.popitem(last=False)

    def forget(self) -> None:
        with self._lock:
            self._held.clear()

    def _bytes(self) -> int:
        return sum(one.object.nbytes + one.light.nbytes + one.probe.nbytes for one in self._held.values())


_MEMORY = _Memory()
forget = _MEMORY.forget
