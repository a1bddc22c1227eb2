"""Dask's page asks nobody who they are: it is served where nobody else works, and nowhere else."""

import asyncio

import httpx
import psutil
import pytest

from steering.pools.child import SchedulerChild


def answers_of(ports):
    """Ask for what Dask's server may tell, without saying who asks."""
    found = []
    for port in ports:
        for path in ("/status", "/info/main/workers.html", "/metrics", "/json/counts.json"):
            try:
                found.append(httpx.get(f"http://127.0.0.1:{port}{path}", timeout=5, trust_env=False).status_code)
            except httpx.HTTPError:
                # Dask's own port, which speaks TLS to those who have the certificate.
                continue
    return found


@pytest.mark.system
@pytest.mark.parametrize("served", [True, False])
async def test_the_page_is_served_only_where_it_is_wanted(tmp_path, served):
    child = SchedulerChild(tmp_path, "", dashboard=served)
    content = await child.start()
    try:
        assert bool(content["dashboard"]) == served
        ports = {
            one.laddr.port for one in psutil.Process(child._process.pid).net_connections() if one.status == "LISTEN"
        }
        answers = await asyncio.to_thread(answers_of, ports)
        assert (200 in answers) == served
    finally:
        await child.stop()
