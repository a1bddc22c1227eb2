"""What a connection says while Dask's client looks for a scheduler that is gone, and after it gave up."""

import asyncio
import logging
import subprocess
import sys

import pytest

from steering.core.errors import LostError, PassedOverError, SteeringError
from steering.core.pool import PoolRequest
from steering.facilities.dask import DaskConnection
from tests.compute.cluster import Cluster

pytestmark = pytest.mark.system


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


async def test_letting_go_of_a_scheduler_that_is_gone_prints_no_traceback(caplog):
    made = DaskConnection("local")
    heard = logging.getLogger("distributed.client")
    async with Cluster() as cluster:
        made._client = cluster.client
        heard.addHandler(caplog.handler)
        try:
            await cluster.scheduler.close()
            async with asyncio.timeout(10):
                while cluster.client.status != "connecting":  # noqa: ASYNC110  (Dask's client sets no event)
                    await asyncio.sleep(0.01)
                # It has to be on its way back.
                await asyncio.sleep(0.2)
            await made.detach()
        finally:
            heard.removeHandler(caplog.handler)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert heard.filters == []


GIVEN_UP = """
import asyncio, sys
from pathlib import Path
from steering.cluster.connection import make_security
from steering.facilities.dask import DaskConnection

async def main():
    server = await asyncio.start_server(lambda reader, _: reader.read(), "127.0.0.1", 0)
    address = f"tls://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with asyncio.timeout(0.5):
            await DaskConnection("local").attach({"address": address, **make_security(Path(sys.argv[1]))})
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""


def test_a_connection_that_is_given_up_half_way_leaves_nothing_that_nobody_awaits(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", GIVEN_UP, str(tmp_path)], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "given up\n"), done.stderr
    assert "never awaited" not in done.stderr
