"""Tasks whose function and arguments are unpickled by workers only.

Dask's scheduler unpickles each graph that it gets, and so loads what the functions in it need: xarray, pandas and an
analysis with its libraries, half a second of a core while it answers nobody, just when the first frame waits for it.
Here it gets bytes.
"""

import pickle
from collections.abc import Callable, Sequence
from typing import Any

from distributed import Future

from steering.cluster.calls import Slot, pack


def as_task(function: Callable[..., Any], arguments: Sequence[Any]) -> tuple[Any, ...]:
    """Return what to submit: a function that every process has, the packed one, and the futures that it waits for."""
    futures: list[Future[Any]] = [item for item in arguments if isinstance(item, Future)]
    work = pack(function, [Slot(str(item.key)) if isinstance(item, Future) else item for item in arguments])
    return run_packed, work, *futures


def run_packed(work: bytes, *values: Any) -> Any:
    """Run a packed function on a worker.

    Args:
        work: The function with its arguments, in which a :class:`Slot` stands for each value.
        values: These values, in the order of their slots.
    """
    # The bytes come from Dask's own TLS peer.
    function, arguments = pickle.loads(work)  # noqa: S301  (see above)
    rest = iter(values)
    return function(*(next(rest) if isinstance(item, Slot) else item for item in arguments))
