"""Gathers how the features of a run go, in bounded memory."""

import math

import numpy as np

from steering.core.block import Floats
from steering.core.history import Course, Trend
from steering.core.result import Result

# More than a screen has columns.
MOST_POINTS = 2000
# What has more is a table, and not features to steer on.
MOST_FEATURES = 100


class TrendGatherer:
    """Keeps the features of each result; when there are too many results, of every second, fourth, eighth one.

    Attributes:
        changes: How often a run began or a result came.
    """

    def __init__(self, most: int = MOST_POINTS) -> None:
        """Begin without results.

        Args:
            most: Points kept at most; an odd number counts as the even one below.
        """
        # An odd number of points, halved, keeps both its ends.
        self._room = most - most % 2 + 1
        self.changes = 0
        self.begin("")

    def begin(self, run: str) -> None:
        """Forget everything: a run began."""
        self.changes += 1
        self._run, self._analysis = run, ""
        self._stride, self._seen, self._points = 1, 0, 0
        # Rows: time of each result and how many frames it held; then value and uncertainty of each feature.
        self._way = np.full((2, self._room), math.nan)
        self._features: dict[str, Floats] = {}
        self._units: dict[str, str] = {}

    def add(self, result: Result) -> None:
        """Take in a result; the newest is always in the trend."""
        self.changes += 1
        source = result.provenance
        if source.run != self._run:
            self.begin(source.run)
        self._analysis = source.analysis
        # The point before is replaced if it was kept only for being the newest.
        at = self._points - 1 if self._points and (self._seen - 1) % self._stride else self._points
        self._seen += 1
        self._points = at + 1
        self._way[:, at] = source.times.get("result", math.nan), source.frames
        for column in self._features.values():
            column[:, at] = math.nan
        for name, feature in result.outcome.features.items():
            if name not in self._features:
                if len(self._features) == MOST_FEATURES:
                    continue
                self._features[name] = np.full((2, self._room), math.nan)
            self._units[name] = feature.units
            self._features[name][:, at] = feature.value, feature.uncertainty
        if self._points == self._room:
            self._halve()

    @property
    def trend(self) -> Trend:
        """How the features went."""
        times, frames = self._way[:, : self._points].copy()
        courses: dict[str, Course] = {}
        for name, column in self._features.items():
            values, uncertainties = column[:, : self._points].copy()
            courses[name] = Course(values, uncertainties, self._units[name])
        return Trend(self._run, self._analysis, times, frames, courses)

    def _halve(self) -> None:
        self._stride *= 2
        kept = (self._points + 1) // 2
        for column in (self._way, *self._features.values()):
            column[:, :kept] = column[:, ::2].copy()
        self._points = kept
