"""Spare: less beam once it does damage, and no more of it once the decay is known well enough."""

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

    It looks at the features of ``xpcs``. If the light falls within a burst by more than ``damage`` percent, and by more
    than three standard deviations, it suggests the next choice of the attenuator, which lets less of the beam through.
    It waits for two more bursts before it asks again. With ``end_bursts`` it also suggests to end the burst that does
    the damage, if that still runs (a scan with ``parts`` of bursts). Once the first lag of g2 is known to ``enough``
    percent of the signal, it suggests to finish.
    """

    name = "spare"

    def __init__(
        self, damage: float = 5.0, enough: float = 2.0, attenuator: str = "filters", *, end_bursts: bool = False
    ) -> None:
        """Choose when.

        Args:
            damage: Loss of light within a burst, in percent.
            enough: Error of the first lag, in percent of the signal.
            attenuator: A parameter of the scan whose choices let less and less of the beam through.
            end_bursts: Whether a burst is ended once it does damage.

        Raises:
            ValueError: If a percentage is not above 0.
        """
        for name, value in (("damage", damage), ("enough", enough)):
            if not value > 0:
                message = f"{name} is {value:g} %. Allowed: above 0 %"
                raise ValueError(message)
        self._damage, self._enough, self._attenuator = damage, enough, attenuator
        self._end_bursts, self._ended = end_bursts, 0
        self._run = ""
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
            self._ended = 0
        self._waiting, self._ending = None, self._end(result)
        less = self._less(features, {item.name: item for item in parameters})
        error = features.get("g2_error")
        if less is not None:
            why = f"the light changes by {features['damage'].value:.1f} % within a burst"
            self._suggest(less, why, result)
        elif error is not None and error.value <= self._enough:
            why = f"the first lag is known to {error.value:.2g} % of the signal"
            self._suggest(Finish(), why, result)

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
        return damage.value < -self._damage and damage.value < -_SIGNIFICANCE * damage.uncertainty

    def _less(self, features: Mapping[str, Feature], known: Mapping[str, Parameter]) -> SetParameter | None:
        """Say how to weaken the beam, if it does damage and there is something to weaken it with."""
        damage, bursts, held = features.get("damage"), features.get("bursts"), known.get(self._attenuator)
        if damage is None or bursts is None or held is None or not held.choices:
            return None
        if not self._clear(damage) or bursts.value < self._asked_at + _BURSTS_BETWEEN or held.value + 1 > held.high:
            return None
        return SetParameter(held.name, held.value + 1)
