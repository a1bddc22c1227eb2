"""Columns of a plot that grow: only what is new is sent."""

from collections.abc import Mapping
from typing import Any, Literal, cast

import numpy as np
from bokeh.models import ColumnDataSource
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]
Growth = Literal["same", "more", "all"]


def grow(source: ColumnDataSource, columns: Columns, key: str = "") -> Growth:
    """Bring a source to new columns with as little traffic as possible. Call within the view's ``edit``.

    Args:
        source: What a glyph draws.
        columns: What it is to hold, all of one length.
        key: A column whose values are never twice the same, if the order of the rows does not matter: then a row that
            is new in the middle is appended too.

    Returns:
        ``"same"`` if nothing was sent, ``"more"`` if rows were appended, ``"all"`` if everything was sent.
    """
    fresh = _fresh(source, columns, key)
    if fresh is None:
        source.data = dict(columns)
    elif fresh.size:
        source.stream({name: column[fresh] for name, column in columns.items()})
    return _word(fresh)


def growth(source: ColumnDataSource, columns: Columns, key: str = "") -> Growth:
    """Say what :func:`grow` would send, and send nothing."""
    return _word(_fresh(source, columns, key))


def _word(fresh: NDArray[np.int64] | None) -> Growth:
    if fresh is None:
        return "all"
    return "more" if fresh.size else "same"


def _fresh(source: ColumnDataSource, columns: Columns, key: str) -> NDArray[np.int64] | None:
    """Find the rows that are not shown yet; nothing if a shown one is not there any more, or has changed."""
    shown = {name: np.asarray(column) for name, column in cast("Mapping[str, Any]", source.data).items()}
    if shown.keys() != columns.keys():
        return None
    name = next(iter(columns))
    count, before = len(columns[name]), len(shown[name])
    if before > count or (before == 0 and count > 0):
        return None
    rows = np.arange(count)
    if _alike(shown, columns, rows[:before]):
        return rows[before:]
    if not key:
        return None
    order = np.argsort(columns[key], kind="stable")
    sorted_key = columns[key][order]
    if not np.isfinite(sorted_key).all() or (count > 1 and (np.diff(sorted_key) == 0).any()):
        return None
    places = order[np.minimum(np.searchsorted(sorted_key, shown[key]), count - 1)]
    if len(np.unique(places)) != before or not _alike(shown, columns, places):
        return None
    return np.setdiff1d(rows, places, assume_unique=True)


def _alike(shown: Columns, columns: Columns, rows: NDArray[np.int64]) -> bool:
    return all(
        np.array_equal(shown[name], column[rows], equal_nan=column.dtype.kind == "f")
        for name, column in columns.items()
    )
