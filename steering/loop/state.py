"""A merged state on its way: until it is there, what it is made of stands for it."""

from dataclasses import dataclass

from steering.core.facility import Remote
from steering.loop.partial import Partial


@dataclass(eq=False)
class State:
    """A state on the workers; while it is still being made of others, these stand for it.

    Attributes:
        remote: The state.
        parts: What it is being made of; nothing once it is there.
    """

    remote: Remote[Partial]
    parts: "tuple[State, ...]" = ()

    @property
    def there(self) -> tuple[Remote[Partial], ...]:
        """The state, or what stands for it."""
        return tuple(one for part in self.parts for one in part.there) if self.parts else (self.remote,)
