"""What the beamline itself says of a scan: sentences that a person must know, and rulings that nobody proposed."""

import secrets
import time

from steering.core.proposal import Ruling

# Who rules where a device, and no person, made something necessary.
BEAMLINE = "the beamline"
_KEPT = 8


class Remarks:
    """The sentences of one scan. Changed under its docket's lock."""

    def __init__(self) -> None:
        """Begin with none."""
        self._sentences: tuple[str, ...] = ()
        self._retries, self._retried = 0, ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a person must know of how the scan goes or ended, oldest first."""
        if not self._retried:
            return self._sentences
        times = "Once" if self._retries == 1 else f"{self._retries} times"
        return (*self._sentences, f"{times} something had to be tried again; the last time: {self._retried}")

    def say(self, sentence: str) -> None:
        """Note a sentence, once."""
        if sentence not in self._sentences:
            self._sentences = (*self._sentences[-(_KEPT - 1) :], sentence)

    def retry(self, sentence: str) -> None:
        """Note why a point had to be tried again."""
        self._retries, self._retried = self._retries + 1, sentence


def necessary(kind: str, sentence: str) -> Ruling:
    """Make a ruling that nobody proposed: the beamline itself had to do something."""
    now = time.time()
    return Ruling(f"fault-{secrets.token_hex(8)}", BEAMLINE, kind, "", "", "", "accepted", sentence, "", now, now)
