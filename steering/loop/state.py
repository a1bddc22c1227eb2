"""A merged state that is being computed. Until it is done, its parts stand for it."""

from dataclasses import dataclass

from steering.core.facility import Remote
from steering.loop.partial import Partial


@dataclass(eq=False)
class State:
    """A state on the workers. While it is being computed from other states, these stand for it.

    Attributes:
        remote: The state.
        parts: The states that it is computed from; empty once it is done.
    """

    remote: Remote[Partial]
    parts: "tuple[State, ...]" = ()

    @property
    def there(self) -> tuple[Remote[Partial], ...]:
        """The state, or the finished states that stand for it."""
        return tuple(one for part in self.parts for one in part.there) if self.parts else (self.remote,)
