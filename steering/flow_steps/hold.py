"""Points at which a test may hold a flow: it stops there for good, and is killed."""

import os
import threading
from pathlib import Path

# Of the form POINT=FILE: at that point the file is made, and nothing goes on.
VARIABLE = "STEERING_FLOW_HOLD"


def point(name: str) -> None:
    """Pass a point, or stay there if a test wants so."""
    where, _, file = os.environ.get(VARIABLE, "").partition("=")
    if where == name and file and not Path(file).exists():
        Path(file).touch()
        threading.Event().wait()
