"""Correlation curves of bursts, with errors.

For a dynamic bin with static bins ``s``, g2 = sum P_s / sum E_s. P_s is the sum of products, and E_s = B_s A_s / N_s
what it would be without correlation (B_s and A_s are the sums of the earlier and the later counts of N_s pairs). Its
variance is that of a ratio, M / (M - 1) sum (P_s - g2 E_s)^2 / (sum E_s)^2 for M static bins with counts. Bursts are
averaged with their numbers of pairs as weights. Where all products of all bursts are 0 they do not scatter, and yet g2
is not known exactly: its variance is that of as many coincidences as are expected without correlation, 1 / sum E_s.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steering.core.block import Floats
from steering.xpcs.chain import Chain
from steering.xpcs.state import products_of


@dataclass(frozen=True, eq=False)
class Curves:
    """Correlation curves of bursts with one frame period.

    Attributes:
        lags: In frames, shape ``(lags,)``.
        g2: Of shape ``(lags, dynamic)``; NaN where there is nothing.
        error: One standard deviation, of that shape; NaN where it is not known.
        bursts: How many bursts are in them.
    """

    lags: NDArray[np.int64]
    g2: Floats
    error: Floats
    bursts: int


def curves_of(bursts: list[list[Chain]], dynamic: NDArray[np.int64], count: int) -> Curves:
    """Make the curves of bursts.

    Args:
        bursts: The chains of each.
        dynamic: Dynamic bin of each static one.
        count: How many dynamic bins there are.
    """
    sums: dict[int, Floats] = {}
    for chains in bursts:
        found = products_of(chains)
        expected = found.expected
        for row, lag in enumerate(found.lags.tolist()):
            total = np.bincount(dynamic, expected[row], count)
            with np.errstate(invalid="ignore", divide="ignore"):
                g2 = np.bincount(dynamic, found.products[row], count) / total
                left = np.where(expected[row] > 0, found.products[row] - g2[dynamic] * expected[row], 0.0)
                cells = np.bincount(dynamic, expected[row] > 0, count)
                spread = np.bincount(dynamic, left**2, count) * cells / (cells - 1) / total**2
            spread[cells < 2] = np.nan
            weight = np.where(total > 0, np.bincount(dynamic, found.pairs[row], count), 0.0)
            held = sums.setdefault(lag, np.zeros((4, count)))
            held[0] += weight
            held[1] += np.where(weight > 0, weight * g2, 0.0)
            held[2] += np.where(weight > 0, weight**2 * spread, 0.0)
            held[3] += np.divide(weight**2, total, out=np.zeros(count), where=weight > 0)
    lags = np.array(sorted(sums), np.int64)
    table = np.array([sums[lag] for lag in lags.tolist()]).reshape(len(lags), 4, count)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.where(table[:, 1] > 0, table[:, 2], table[:, 3])
        return Curves(lags, table[:, 1] / table[:, 0], np.sqrt(variance) / table[:, 0], len(bursts))
