"""Onset: pause a scan when spots begin to look other than they did at first, so that nothing is missed."""

from collections.abc import Sequence

from steering.core.action import Pause
from steering.core.agent import Suggestion
from steering.core.parameter import Parameter
from steering.core.result import Result


class Onset:
    """Pauses a scan once when a metal begins to yield.

    It looks at the features of ``hedm``: ``rare_excess``, by how many standard deviations there are more spots in the
    newest sweep that are wider or of another brightness than is usual. Two results in a row must say so: the first
    spots of a sweep are few. What to do then a person decides: go on, with smaller steps, or finish.
    """

    name = "onset"

    def __init__(self, excess: float = 5.0) -> None:
        """Choose when.

        Args:
            excess: Standard deviations.

        Raises:
            ValueError: If it is not above 0.
        """
        if not excess > 0:
            message = f"excess is {excess:g}. Allowed: above 0, in standard deviations"
            raise ValueError(message)
        self._excess = excess
        self._run = self._basis = ""
        self._before = self._paused = False
        self._waiting: Suggestion | None = None

    def ingest(self, result: Result, parameters: Sequence[Parameter]) -> None:
        """Look at the newest sweep."""
        del parameters
        if result.provenance.run != self._run:
            self._run, self._before, self._paused, self._basis = result.provenance.run, False, False, ""
        self._waiting = None
        if result.basis == self._basis:
            # Whoever sets its mode has it asked of the same result again, which is no second one.
            return
        self._basis = result.basis
        features = result.outcome.features
        excess, rare = features.get("rare_excess"), features.get("rare")
        seen = excess is not None and rare is not None and excess.value >= self._excess
        if seen and self._before and not self._paused and excess is not None and rare is not None:
            why = f"{rare.value:.0f} % of the spots are unusual, {excess.value:.1f} standard deviations too many"
            self._waiting = Suggestion(Pause(), why, result.basis)
        self._before = seen

    def suggest(self) -> Sequence[Suggestion]:
        """Return what to do now; once a run."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return ()
        self._paused = True
        return (waiting,)
