"""A person's analysis is tried on a real worker, and nobody waits for what never ends."""

import threading

import numpy as np
import pytest

from steering.core.errors import SteeringError
from steering.facilities.dask import DaskConnection
from steering.own.analysis import own_analysis
from steering.own.trial import try_on
from steering.testing.blocks import make_block
from tests.compute.cluster import Cluster

GO_ON = threading.Event()


def never_ends(frame):
    GO_ON.wait(60)
    return float(frame.max())


@pytest.fixture
async def connection():
    GO_ON.clear()
    made = DaskConnection("local")
    async with Cluster() as cluster:
        made._client = cluster.client
        yield made
        GO_ON.set()


@pytest.fixture
def block():
    return make_block(np.arange(36, dtype=np.uint16).reshape(3, 3, 4), 0)


async def test_what_is_right_passes(connection, block):
    await try_on(connection, own_analysis(lambda frame: frame.max(), name="top"), block)


async def test_what_fails_is_said_in_words(connection, block):
    with pytest.raises(SteeringError, match=r"top was not added: it fails for the first frames of this run, 0 to 2"):
        await try_on(connection, own_analysis(lambda frame: frame["x"], name="top"), block)


async def test_what_never_ends_is_said_and_keeps_no_thread_of_a_worker(connection, block):
    # One more than there are threads.
    for _ in range(3):
        with pytest.raises(SteeringError, match=r"never_ends was not added: it is not through with 3 frames of this "):
            await try_on(connection, own_analysis(never_ends), block, most=0.5)
    assert await connection.submit("afterwards", abs, -1).result() == 1
