"""Notices that another scan begins, so that what a person did about the last one is not done to it."""

from steering.core.status import BeamlineStatus, EndedRun


class Beginning:
    """Looks at each status."""

    def __init__(self) -> None:
        """Begin without a scan."""
        self._after: EndedRun | None = None

    def look(self, status: BeamlineStatus) -> bool:
        """Say whether another scan goes on than before; when its run opens, or a further run, it is the same one."""
        if not status.scanning or status.ended == self._after:
            return False
        self._after = status.ended  # each scan comes after another end
        return True
