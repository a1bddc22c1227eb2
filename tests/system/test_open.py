"""Opening a session that cannot be had."""

import asyncio

import pytest

import steering
from steering.core.errors import SteeringError
from tests.processes import left_behind, of_workspace

pytestmark = pytest.mark.system


async def test_a_failed_start_says_why_and_leaves_nothing_also_from_a_notebooks_event_loop(
    workspace, tmp_path, monkeypatch
):
    monkeypatch.setenv("STEERING_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert asyncio.get_running_loop().is_running()
    with pytest.raises(SteeringError, match="set STEERING_DATA_DIR"):
        steering.open(workspace=workspace)
    left = left_behind(of_workspace(workspace))
    assert not left, left


def test_a_wrong_token_and_a_wrong_address_give_a_sentence(session, place):
    url = session.invite("ben")["url"]
    with pytest.raises(SteeringError, match="The token is missing, unknown or has run out"):
        steering.open(url=url, token="guessed", workspace=place)
