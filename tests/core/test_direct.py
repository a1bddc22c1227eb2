"""Loopback and a session's own service never go through a proxy; the rest does."""

import os

import httpx
import pytest

from steering.machine.direct import MOUNTS, is_loopback, made_for, no_proxy

NAMES = [name for one in ("http_proxy", "https_proxy", "all_proxy") for name in (one, one.upper())]


@pytest.fixture(params=["", "example.org"])
def proxied(monkeypatch, request):
    for name in NAMES:
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        if request.param:
            monkeypatch.setenv(name, request.param)
        else:
            monkeypatch.delenv(name, raising=False)


def proxied_to(client, url):
    return type(client._transport_for_url(httpx.URL(url))._pool).__name__ == "HTTPProxy"


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://127.0.0.1:8000/api", True),
        ("http://127.8.0.1", True),
        ("http://[::1]:80/x", True),
        ("https://localhost:443", True),
        ("http://tiled.localhost", True),
        ("http://10.1.2.3", False),
        ("https://tiled.example.org/api/v1", False),
        ("nonsense", False),
    ],
)
def test_addresses_of_this_machine(url, own):
    assert is_loopback(url) is own


@pytest.mark.usefixtures("proxied")
def test_a_client_with_mounts_asks_no_proxy():
    with httpx.Client(mounts=MOUNTS) as client:
        for url in ("http://10.1.2.3:5/", "https://service.example.org", "http://127.0.0.1:9"):
            assert not proxied_to(client, url)


@pytest.mark.usefixtures("proxied")
def test_a_client_that_is_made_for_loopback_asks_no_proxy_and_one_for_others_does():
    before = dict(os.environ)
    with made_for("http://127.0.0.1:9/", httpx.Client) as client:
        assert not proxied_to(client, "http://127.0.0.1:9/")
    with made_for("https://tiled.example.com/", httpx.Client) as client:
        assert proxied_to(client, "https://tiled.example.com/")
    with made_for("https://own.example.com/", httpx.Client, own=True) as client:
        assert not proxied_to(client, "https://own.example.com/")
    assert dict(os.environ) == before


@pytest.mark.usefixtures("proxied")
def test_the_environment_is_as_before_after_an_error():
    before = dict(os.environ)
    with pytest.raises(RuntimeError), no_proxy("http://127.0.0.1"):
        raise RuntimeError
    assert dict(os.environ) == before
