"""Which values hold, so that they can be proposed again."""

from steering.core.status import BeamlineStatus


def held(status: BeamlineStatus) -> dict[str, float]:
    """Give the values that hold, or will once what is pending is applied, by parameter."""
    return {one.name: status.pending.get(one.name, one.value) for one in status.parameters}
