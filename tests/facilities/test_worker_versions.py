"""Workers whose libraries differ from the session's are told of for as long as they are here."""

import os

from steering.compute.versions import versions
from steering.facilities.dask import DaskConnection


class Client:
    """Asks workers, each of which has an environment."""

    def __init__(self, **numpy):
        self.numpy = numpy

    async def run(self, function, workers, on_error):
        if function is os.getpid:
            return dict.fromkeys(workers, 7)
        return {worker: versions() | {"numpy": self.numpy[worker]} for worker in workers}


async def test_a_worker_that_differs_is_told_of_until_it_leaves_whoever_joins_meanwhile():
    here = versions()["numpy"]
    client, connection = Client(old="1.0", new=here, last=here), DaskConnection("local")
    await connection._learn(client, {"old"})
    assert "numpy 1.0 there" in connection._differences
    await connection._learn(client, {"old", "new"})
    assert "numpy 1.0 there" in connection._differences
    await connection._learn(client, {"new", "last"})
    assert connection._differences == ""
    assert set(connection._processes) == {"new", "last"}
