"""Watch: a feature that merits a closer look is said, and the scan paused for it."""

from collections.abc import Sequence

from steering.agents.judge import Judge
from steering.contract.alarm import Alarm
from steering.core.action import Pause
from steering.core.agent import Suggestion
from steering.core.parameter import Parameter
from steering.core.result import Result


class Watch:
    """Watches features, and suggests to pause when one leaves its limits, drifts, or is unlike all before.

    Each newer result of a run with more frames counts once. After an alarm it waits until the feature is back before it
    gives another one.
    """

    name = "watch"

    def __init__(
        self,
        feature: str = "",
        low: float | None = None,
        high: float | None = None,
        drift: float | None = None,
        novelty: float | None = None,
        baseline: int = 20,
        sure: float = 0.0,
        alarms: Sequence[Alarm] = (),
    ) -> None:
        """Choose what is watched, and when it merits a look.

        Args:
            feature: Name of a feature of the analysis, as its results call it; each one whose uncertainty is known if
                left out.
            low: Lowest value, in the feature's unit.
            high: Highest value.
            drift: Change over the last ``baseline`` results in percent of their mean, see
                :class:`~steering.contract.alarm.Alarm`.
            novelty: So many standard deviations from the run's first ``baseline`` results. 6 if nothing else is said.
            baseline: Results that are compared with; at least 5.
            sure: By so many of its standard deviations must it be beyond a limit.
            alarms: Several alarms in the place of one: those that an analysis declares.

        Raises:
            ValueError: If a number is not allowed, or limits are given without a feature.
        """
        one = Alarm(feature, low, high, sure, drift, novelty, baseline)
        declared: tuple[object, ...] = tuple(alarms)
        if not all(isinstance(each, Alarm) for each in declared):  # pyright: ignore[reportUnnecessaryIsInstance]  (a stranger's code)
            message = f"alarms is {alarms!r:.80}. In a file name one agent watch for each, with a label of its own"
            raise ValueError(message)
        self._alarms = tuple(alarms) or (one,)
        self._judges: list[Judge] = []
        self._of, self._frames = ("", "", ""), 0
        self._waiting: Suggestion | None = None

    def ingest(self, result: Result, parameters: Sequence[Parameter]) -> None:
        """Look at a newer result."""
        del parameters
        source = result.provenance
        # With other parameters a feature is another number: it is compared with none from before.
        of = source.run, source.analysis, source.parameters_hash
        if of != self._of:
            self._of, self._frames = of, 0
            self._judges = [Judge(alarm) for alarm in self._alarms]
        if source.frames <= self._frames:
            return
        self._frames = source.frames
        reasons = [
            f"{name} {why}"
            for name, feature in result.outcome.features.items()
            for judge in self._judges
            if (why := judge.look(name, feature))
        ]
        # What is past again needs no look any more.
        self._waiting = Suggestion(Pause(), "; ".join(reasons), result.basis) if reasons else None

    def suggest(self) -> Sequence[Suggestion]:
        """Return what to do now; each suggestion once."""
        waiting, self._waiting = self._waiting, None
        return () if waiting is None else (waiting,)
