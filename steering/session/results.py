"""The newest results of a run, by label."""

from steering.core.errors import SteeringError
from steering.core.result import Result


class Results(dict[str, Result]):
    """Results by label; a label that is not there is a sentence."""

    def __missing__(self, label: str) -> Result:
        """Say what is there instead."""
        message = f"There is no result {label!r:.60} yet. There are: {', '.join(self) or 'none'}."
        raise SteeringError(message)
