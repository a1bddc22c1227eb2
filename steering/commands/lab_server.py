"""The process of the JupyterLab server: it ends with its parent, and has loaded what the first page asks for.

A page asks for the formats to which a notebook can be exported while it draws the first plots. Loaded only then, they
hold its other answers up for seconds.
"""

import logging
from importlib import import_module
from typing import Any

from steering.core.errors import said
from steering.machine.lifeline import hold_lifeline
from steering.machine.loading import loading

_LOG = logging.getLogger(__name__)


def main() -> None:
    """Serve until the parent ends."""
    hold_lifeline()
    with loading():
        lab: Any = import_module("jupyterlab.labapp")
        try:
            exporters = import_module("nbconvert.exporters.base")
        except ImportError as error:
            # As JupyterLab does: it goes without them.
            _LOG.warning("notebooks cannot be exported: %s", said(error))
        else:
            load_exporters(exporters)
    lab.main()


def load_exporters(base: Any) -> None:
    """Load the formats; JupyterLab leaves out those that cannot be, and so does this.

    Args:
        base: The module ``nbconvert.exporters.base``, which names them from now on without looking again.
    """
    look, known = base.get_export_names, tuple(base.get_export_names())

    # To list them it reads the metadata of all that is installed 28 times over: a third of a second of a core.
    def names(config: Any = None) -> list[str]:
        return list(known) if config is None else look(config)

    base.get_export_names = names
    for name in known:
        try:
            base.get_exporter(name)
        except Exception as error:  # noqa: BLE001  (anybody's package may bring one, with any mistake in it)
            _LOG.warning("notebooks cannot be exported as %s: %s", name, type(error).__name__)


if __name__ == "__main__":
    main()
