"""Spare: less beam once it does damage, and no more of it once the decay is known well enough."""

import math
from collections.abc import Mapping, Sequence

from steering.core.action import Action, EndBurst, Finish, SetParameter
from steering.core.agent import Suggestion
from steering.core.parameter import Parameter
from steering.core.result import Feature, Result

# Damage counts if it is so many standard deviations.
_SIGNIFICANCE = 3.0
# The burst that runs while something is asked for has the old value still, and perhaps the next one too.
_BURSTS_BETWEEN = 2


class Spare:
    """Spares a sample that is measured in bursts, each on a fresh spot.

    It looks at the features of ``xpcs``, or of ``radial``. If the light falls within a burst by more than ``damage``
    percent, and by more than three standard deviations, it suggests the next choice of the attenuator, which lets less
    of the beam through. With ``rises`` light that rises counts as well, as where the beam makes particles stick
    together. It waits for two more bursts before it asks again; a result that says of which value of the attenuator it
    is (a feature of its name) counts only if that value holds. With ``end_bursts`` it also suggests to end the burst
    that does the damage, if that still runs (a scan with ``parts`` of bursts). Once the feature ``known`` is known to
    ``enough`` percent, and no damage is left to be answered, it suggests to finish.
    """

    name = "spare"

    def __init__(
        self,
        damage: float = 5.0,
        enough: float = 2.0,
        attenuator: str = "filters",
        known: str = "g2_error",
        *,
        rises: bool = False,
        end_bursts: bool = False,
    ) -> None:
        """Choose when.

        Args:
            damage: Loss of light within a burst, in percent.
            enough: Error of what is to be known, in percent.
            attenuator: A parameter of the scan whose choices let less and less of the beam through.
            known: Feature that is to be known well: one that is an error in percent itself, or one with an uncertainty.
            rises: Whether a gain of light is damage as well.
            end_bursts: Whether a burst is ended once it does damage.

        Raises:
            ValueError: If a percentage is not above 0.
        """
        for name, value in (("damage", damage), ("enough", enough)):
            if not value > 0:
                message = f"{name} is {value:g} %. Allowed: above 0 %"
                raise ValueError(message)
        self._damage, self._enough, self._attenuator = damage, enough, attenuator
        self._known, self._rises = known, rises
        self._end_bursts, self._ended = end_bursts, 0
        self._run = ""
        # Values of the attenuator at which damage was seen; what was measured with them is not enough.
        self._harmful: set[float] = set()
        self._asked_at = -float("inf")
        self._finished = False
        self._bursts = 0.0
        self._waiting: Suggestion | None = None
        self._ending: Suggestion | None = None

    def ingest(self, result: Result, parameters: Sequence[Parameter]) -> None:
        """Look at the newest burst."""
        features = result.outcome.features
        if result.provenance.run != self._run:
            self._run, self._asked_at, self._finished = result.provenance.run, -float("inf"), False
            self._ended, self._harmful = 0, set()
        self._waiting, self._ending = None, self._end(result)
        held = {item.name: item for item in parameters}.get(self._attenuator)
        seen = features.get(self._attenuator)
        if held is not None and seen is not None and seen.value != held.value:
            # These frames came before the last change, and say nothing of what holds now.
            return
        less = self._less(features, held)
        if less is not None and seen is not None:
            self._harmful.add(seen.value)
        if less is not None:
            if self._rested(features):
                self._suggest(less, f"the light changes by {features['damage'].value:.1f} % within a burst", result)
            return
        error = self._error(features)
        if error <= self._enough and not (seen is not None and seen.value in self._harmful):
            self._suggest(Finish(), f"{self._known.replace('_', ' ')}: known to {error:.2g} %", result)

    def suggest(self) -> Sequence[Suggestion]:
        """Return what to do now; each suggestion once."""
        ending, self._ending = self._ending, None
        if ending is not None and isinstance(ending.action, EndBurst):
            self._ended = ending.action.point
            # The weaker beam is for the bursts that follow: it is asked for on the next result.
            return (ending,)
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return ()
        if isinstance(waiting.action, Finish):
            self._finished = True
        else:
            self._asked_at = self._bursts
        return (waiting,)

    def _suggest(self, action: Action, reason: str, result: Result) -> None:
        bursts = result.outcome.features.get("bursts")
        self._bursts = bursts.value if bursts is not None else 0.0
        if not self._finished:
            self._waiting = Suggestion(action, reason, result.basis)

    def _end(self, result: Result) -> Suggestion | None:
        """Say which burst is to end, once for each."""
        damage = result.outcome.features.get("damage")
        point = int(result.outcome.data.attrs.get("points", 0))
        if not self._end_bursts or damage is None or point <= self._ended or not self._clear(damage):
            return None
        why = f"the light changes by {damage.value:.1f} % within a burst"
        return Suggestion(EndBurst(point), why, result.basis)

    def _clear(self, damage: Feature) -> bool:
        lost = abs(damage.value) if self._rises else -damage.value
        return lost > self._damage and lost > _SIGNIFICANCE * damage.uncertainty

    def _error(self, features: Mapping[str, Feature]) -> float:
        """Say to what percent the feature is known; infinity if nothing is known of it."""
        found = features.get(self._known)
        if found is None:
            return math.inf
        error = found.value if found.units == "%" else 100 * found.uncertainty / abs(found.value or math.nan)
        return error if math.isfinite(error) else math.inf

    def _rested(self, features: Mapping[str, Feature]) -> bool:
        return features["bursts"].value >= self._asked_at + _BURSTS_BETWEEN

    def _less(self, features: Mapping[str, Feature], held: Parameter | None) -> SetParameter | None:
        """Say how to weaken the beam, if it does damage and there is something to weaken it with."""
        damage = features.get("damage")
        if damage is None or "bursts" not in features or held is None or not held.choices:
            return None
        if not self._clear(damage) or held.value + 1 > held.high:
            return None
        return SetParameter(held.name, held.value + 1)
