"""What a connection says while Dask's client looks for a scheduler that is gone, and after it gave up."""

import pytest

from steering.core.errors import LostError, PassedOverError, SteeringError
from steering.core.pool import PoolRequest
from steering.facilities.dask import DaskConnection
from tests.compute.cluster import Cluster


@pytest.fixture(params=["while its connections are closed", "after it gave up"])
async def connection(request):
    made = DaskConnection("local")
    async with Cluster() as cluster:
        made._client = cluster.client
        if request.param == "after it gave up":
            await cluster.client.close()
        else:
            await cluster.client.rpc.close()
        yield made


async def test_all_questions_are_answered_with_what_is_wrong(connection):
    with pytest.raises(LostError, match="The scheduler of local does not answer"):
        await connection.overdue("key", 0.1)
    with pytest.raises(PassedOverError, match="The scheduler of local does not answer"):
        await connection.call(abs, -1, patience=0.1)
    with pytest.raises(SteeringError, match="The scheduler of local does not answer"):
        await connection.ask(PoolRequest())
    status = await connection.status()
    assert status.state == "lost"
    assert status.detail.startswith("The scheduler of local does not answer (")
    assert status.detail.endswith("Its owner starts another.")
