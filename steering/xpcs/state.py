"""All chains of a run: a set of frames, whatever blocks they came in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.xpcs.chain import Chain, closed, joined, settled
from steering.xpcs.pace import same_pace
from steering.xpcs.products import LAGS, Counts


@dataclass(frozen=True, eq=False)
class Chains:
    """Chains in the order of their frames; none lies inside another, and none goes on in another."""

    all: tuple[Chain, ...] = ()

    def united(self, others: Iterable[Chain]) -> "Chains":
        """Add chains: frames that are here already count once."""
        found = _without_inner([*self.all, *others])
        while True:
            begins = {one.start: one for one in found}
            pairs = ((one, begins[one.stop]) for one in found if one.stop in begins)
            pair = next((pair for pair in pairs if _goes_on(*pair)), None)
            if pair is None:
                break
            found = _without_inner([*(one for one in found if one not in pair), joined(*pair)])
        ends = {one.stop for one in found}
        newest = max(((one.key[0], one.origin) for one in found), default=None)
        # Two-time correlations are those of the newest burst.
        found = [
            one if (one.key[0], one.origin) == newest or not one.slots else replace(one, slots={}) for one in found
        ]
        return Chains(
            tuple(closed(one, before=not one.index or one.start in ends, after=one.stop in begins) for one in found)
        )

    def bursts(self) -> Iterator[list[Chain]]:
        """Yield the chains of each burst, the oldest first.

        Of chains that overlap in part, as blocks do that were cut anew, the first one counts.
        """
        some: list[Chain] = []
        reach = 0
        for held in self.all:
            if held.start < reach:
                continue
            one = settled(held, open_ends=False)
            reach = one.stop
            if some and not _of_one_burst(some[-1], one):
                yield some
                some = []
            some.append(one)
        if some:
            yield some


def _without_inner(chains: list[Chain]) -> list[Chain]:
    found: list[Chain] = []
    for one in sorted(chains, key=lambda one: (one.start, -one.stop)):
        if not found or one.stop > found[-1].stop:
            found.append(one)
    return found


def _goes_on(before: Chain, after: Chain) -> bool:
    return before.key == after.key and _of_one_burst(before, after)


def _of_one_burst(before: Chain, after: Chain) -> bool:
    """Say whether chains are of one burst: what follows at another pace is another one."""
    number = (before.key[0], before.origin) == (after.key[0], after.origin)
    return number and bool(same_pace(before.ending, after.exposure))


@dataclass(frozen=True, eq=False)
class Products:
    """Of one burst, for each lag and static bin; all of shape ``(lags, static)``.

    Attributes:
        lags: In frames, shape ``(lags,)``.
        pairs: Pairs of a pixel's counts.
        products: Sum of their products.
        before: Sum of the earlier counts of the pairs.
        after: Sum of the later ones.
    """

    lags: NDArray[np.int64]
    pairs: Counts
    products: Counts
    before: Counts
    after: Counts

    @property
    def expected(self) -> Floats:
        """What the products would be if nothing were correlated."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found = self.before.astype(np.float64) * self.after / self.pairs
        return np.where(self.pairs > 0, found, 0.0)


def products_of(chains: list[Chain]) -> Products:
    """Add up the chains of a burst, on the lags of APS: 1 to 8, then 5 to 8 times ``2**l``."""
    static = len(chains[0].good)
    deepest = max(len(one.levels) for one in chains)
    lags: list[int] = []
    rows: list[Counts] = []
    for level in range(deepest):
        for lag in range(1 if level == 0 else LAGS // 2 + 1, LAGS + 1):
            row = np.zeros((4, static), np.int64)
            for chain in chains:
                if level < len(chain.levels) and chain.levels[level].count > lag:
                    one = chain.levels[level]
                    row += [
                        (one.count - lag) * chain.good,
                        one.products[lag - 1],
                        one.total - one.last_sums[-lag:].sum(axis=0),
                        one.total - one.first_sums[:lag].sum(axis=0),
                    ]
            if row[0].any():
                lags.append(lag << level)
                rows.append(row)
    table = np.array(rows).reshape(len(rows), 4, static)
    return Products(np.array(lags, np.int64), table[:, 0], table[:, 1], table[:, 2], table[:, 3])
