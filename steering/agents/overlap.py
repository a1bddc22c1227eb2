"""Overlap: closer points where spots overlap too little, and the end of the scan once more frames change nothing."""

from collections.abc import Mapping, Sequence

from steering.core.action import Action, Finish, SetParameter
from steering.core.agent import Suggestion
from steering.core.parameter import Parameter
from steering.core.result import Feature, Result

# So many frames say how wide the beam is, and so many may say that the error is flat.
_FRAMES_FOR_BEAM, _FRAMES_FOR_END = 9, 64
# A step that is a little too long is left as it is: a new one makes a new path.
_DEAD_BAND = 1.1


class Overlap:
    """Suggests a step with which spots of ptychography overlap enough, and the end once the error is small.

    It looks at the features of ``ptychography``. If the spots of neighbouring points overlap by less than ``wanted``
    percent of the beam, it suggests the step with which they do. Once they do, the error is at most ``enough``, and it
    has changed by less than ``flat`` percent since half of the frames, it suggests to finish.
    """

    name = "overlap"

    def __init__(self, wanted: float = 70.0, enough: float = 0.05, flat: float = 10.0, step: str = "step") -> None:
        """Choose when.

        Args:
            wanted: 1 - step / beam, in percent.
            enough: Squared relative error.
            flat: Change of the error, in percent.
            step: The scan's parameter that is the distance of its points, in micrometres.

        Raises:
            ValueError: If a number is not allowed.
        """
        if not 0 < wanted < 100:
            message = f"wanted is {wanted:g} %. Allowed: above 0 % and below 100 %"
            raise ValueError(message)
        for name, value, units in (("enough", enough, ""), ("flat", flat, " %")):
            if not value > 0:
                message = f"{name} is {value:g}{units}. Allowed: above 0{units}"
                raise ValueError(message)
        self._wanted, self._enough, self._flat, self._step = wanted, enough, flat, step
        self.steers = (step,)
        self._run = ""
        self._begin()

    def ingest(self, result: Result, parameters: Sequence[Parameter]) -> None:
        """Look at the newest reconstruction."""
        features = result.outcome.features
        if result.provenance.run != self._run:
            self._run = result.provenance.run
            self._begin()
        self._waiting = None
        if not {"overlap", "beam", "error", "frames"} <= features.keys():
            return
        self._errors.append((features["frames"].value, features["error"].value))
        step = self._closer(features, {item.name: item for item in parameters})
        if step is not None and step != self._asked:
            why = f"spots of {features['beam'].value:.2g} um overlap by {features['overlap'].value:.0f} %"
            self._waiting = Suggestion(step, why, result.basis)
        elif step is None and self._asked != Finish() and self._is_over(features):
            why = f"the error stays at {features['error'].value:.3g}, whatever frames come"
            self._waiting = Suggestion(Finish(), why, result.basis)

    def suggest(self) -> Sequence[Suggestion]:
        """Return what to do now; each suggestion once."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return ()
        self._asked = waiting.action
        return (waiting,)

    def _begin(self) -> None:
        self._errors: list[tuple[float, float]] = []
        self._asked: Action | None = None
        self._waiting: Suggestion | None = None

    def _closer(self, features: Mapping[str, Feature], known: Mapping[str, Parameter]) -> SetParameter | None:
        """Say which step would overlap enough, if the present one does not."""
        held = known.get(self._step)
        if held is None or features["frames"].value < _FRAMES_FOR_BEAM or features["overlap"].value >= self._wanted:
            return None
        fitting = features["beam"].value * (1 - self._wanted / 100)
        if held.value <= _DEAD_BAND * fitting:
            return None
        lowest = max(held.low, held.value - held.largest_step)
        value = min(max(round(fitting, held.decimals), lowest), held.high)
        return SetParameter(held.name, value) if value < held.value else None

    def _is_over(self, features: Mapping[str, Feature]) -> bool:
        """Say whether frames and overlap are enough, and the error is small and flat."""
        frames, error = features["frames"].value, features["error"].value
        before = [past for count, past in self._errors if count <= frames / 2]
        if frames < _FRAMES_FOR_END or not before or error > self._enough:
            return False
        # Points of a coarse pass lie among those of the finer one.
        near = features["overlap"].value >= self._wanted / _DEAD_BAND
        return near and abs(error / before[-1] - 1) <= self._flat / 100
