"""Tasks on a real scheduler and real workers of this process, whose event loop is this thread's."""

import threading

import pytest

from steering.facilities.dask import DaskConnection
from tests.compute.cluster import Cluster

UNPICKLED = []


class Noted:
    """Notes which thread unpickles it."""

    def __reduce__(self):
        return _note, ()

    def __call__(self, *numbers):
        return sum(numbers)


def _note():
    UNPICKLED.append(threading.get_ident())
    return Noted()


@pytest.fixture
async def connection():
    async with Cluster() as cluster:
        made = DaskConnection("local")
        made._client = cluster.client
        UNPICKLED.clear()
        yield made


async def test_no_scheduler_unpickles_what_a_worker_runs(connection):
    first = connection.submit("first", Noted(), 1, 2)
    second = connection.submit("second", Noted(), first, 10, first)
    assert await second.result() == 16
    assert UNPICKLED
    # The event loop's is the scheduler's; a task runs in a thread of its worker's own.
    assert threading.get_ident() not in UNPICKLED


async def test_an_error_of_its_function_is_its_own(connection):
    with pytest.raises(ZeroDivisionError):
        await connection.submit("divided", divmod, 1, 0).result()
