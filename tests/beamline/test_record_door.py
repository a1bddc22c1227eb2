"""What guests ask of the record passes through the service, and is reading only, however its path is written."""

import asyncio
import posixpath
from urllib.parse import unquote

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import example, given
from hypothesis import strategies as st

from steering.beamline.record_door import RecordDoor

# What a path may be made of, in every way in which somebody may write it.
_DOTS = [".", "%2e", "%2E", "%252e", "%25252E"]
_SLASHES = ["/", "//", "\\", "%2f", "%252F", "%5c", "%255C"]
dots = st.lists(st.sampled_from(_DOTS), min_size=1, max_size=3).map("".join)
names = st.sampled_from(
    ["metadata", "table", "run", "a.b", "..a", "ü", "a b", "?x=1", "%3Fx", "#y", "%23y", "\x7f", ""]
)
parts = st.lists(st.tuples(dots | names, st.sampled_from(_SLASHES)), min_size=1, max_size=6)


def ask(method, rest, query=""):
    """Ask a door; return the status of the answer, and what the record was asked."""
    asked = []

    def record(request):
        asked.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"well"))

    async def run():
        door = RecordDoor("http://127.0.0.1:9/api/v1", "secret")
        await door._client.aclose()
        door._client = httpx.AsyncClient(base_url="http://127.0.0.1:9/api/v1", transport=httpx.MockTransport(record))
        app = FastAPI()

        async def passed(request: Request, rest: str):
            return await door.ask(request, rest)

        app.add_api_route("/record/{rest:path}", passed, methods=["GET", "HEAD", "POST"])
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "headers": [],
            "path": unquote(f"/record/{rest}"), "raw_path": f"/record/{rest}".encode(), "query_string": query.encode(),
            "server": ("here", 80), "client": ("there", 1), "root_path": "",
        }  # fmt: skip
        sent, messages = [], [{"type": "http.request", "body": b"[]", "more_body": False}]

        async def receive():
            # Whoever asks waits for the answer.
            return messages.pop() if messages else await asyncio.Event().wait()

        async def send(message):
            sent.append(message)

        await app(scope, receive, send)
        await door.close()
        return sent[0]["status"]

    return asyncio.run(run()), asked


def places(path):
    """Return each place that a path leads to, for whoever decodes it once, twice, ... and resolves it."""
    before = None
    while path != before:
        before = path
        yield posixpath.normpath(path.replace("\\", "/")).replace("//", "/")
        path = unquote(path)


@given(parts)
@example([("%2e%2e", "/"), ("metadata", "/")])
@example([("..", "%2f"), ("metadata", "/")])
@example([("%252e%252e", "\\"), ("metadata", "/")])
def test_what_is_asked_by_post_is_a_table_however_its_path_is_written(made):
    status, asked = ask("POST", "table/" + "".join(part + slash for part, slash in made))
    assert (status == 200) == bool(asked)
    for request in asked:
        for place in places(request.url.raw_path.decode().partition("?")[0]):
            assert f"{place}/".startswith("/api/v1/table/"), request.url


@pytest.mark.parametrize(
    "rest", ["table/%2e%2e/metadata/", "table/../metadata/", "table/%252e%252e/metadata/", "table/.%2e%5cmetadata/x",
             "table/..%2fmetadata/", "./table/x", "metadata/../../../x"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_that_leads_elsewhere_is_refused(method, rest):
    assert ask(method, rest) == (400, [])


def test_what_is_read_is_asked_as_it_came():
    for rest, wanted in (
        ("metadata/run%201/primary", "metadata/run%201/primary"),
        ("metadata/50%25/a.b", "metadata/50%25/a.b"),
        ("metadata/what%3F/x", "metadata/what%3F/x"),
        ("table/full/a%23b", "table/full/a%23b"),
        ("array/full/a:b@c", "array/full/a:b@c"),
    ):
        status, (request,) = ask("GET", rest, "slice=0:3&format=json")
        assert status == 200
        assert request.url.raw_path.decode() == f"/api/v1/{wanted}?slice=0:3&format=json"
        assert request.headers["authorization"] == "Apikey secret"
    assert ask("POST", "table/full/x")[0] == 200
    assert ask("POST", "metadata/x") == (403, [])
