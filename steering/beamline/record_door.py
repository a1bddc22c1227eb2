"""The record of a service, for its guests: what they read passes through here, with the service's own key."""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote, unquote

import httpx
from fastapi import HTTPException, Request
from fastapi.responses import StreamingResponse

from steering.machine.direct import MOUNTS

# Tiled reads tables of many columns by POST.
_READING = ("/table/",)
_LARGEST_BODY = 1 << 20
_ANSWER_SECONDS = 60.0
# What a path may hold besides letters and digits, as it is; the rest is encoded once more, as it was when it came.
_PLAIN = "/:@!$&'()*+,;=~"
_THERE = ("accept", "accept-encoding", "content-type", "if-none-match", "host")
_BACK = ("content-type", "content-encoding", "etag", "server-timing", "vary", "cache-control", "expires")


class RecordDoor:
    """Passes on what is asked of the record, reading only."""

    def __init__(self, url: str, key: str) -> None:
        """Open it.

        Args:
            url: Of the record's API.
            key: Its key.
        """
        self._key = key
        self._client = httpx.AsyncClient(base_url=url, timeout=_ANSWER_SECONDS, mounts=MOUNTS)

    async def close(self) -> None:
        """Close its connections."""
        await self._client.aclose()

    async def ask(self, request: Request, rest: str) -> StreamingResponse:
        """Ask the record.

        Raises:
            HTTPException: If this is not reading, the path leads elsewhere, or the record does not answer.
        """
        if _leads_elsewhere(rest):
            raise HTTPException(400, "A path in the record has no '.' or '..' between its slashes. Name what is read.")
        path = f"/{rest}"
        if request.method not in ("GET", "HEAD") and not path.startswith(_READING):
            raise HTTPException(403, "The record can be read here, not written.")
        body = await _body(request)
        headers = {name: value for name, value in request.headers.items() if name.lower() in _THERE}
        headers["authorization"] = f"Apikey {self._key}"
        if request.url.scheme == "https":
            headers["x-forwarded-proto"] = "https"
        # Encoded as it came: what a name holds is neither a query nor the beginning of another path.
        url = f"{quote(path, safe=_PLAIN)}?{request.url.query}"
        asked = self._client.build_request(request.method, url, headers=headers, content=body)
        try:
            answer = await self._client.send(asked, stream=True)
        except httpx.HTTPError as error:
            raise HTTPException(503, "The record does not answer yet. Try again in a moment.") from error
        back = {name: value for name, value in answer.headers.items() if name.lower() in _BACK}

        async def content() -> AsyncIterator[bytes]:
            try:
                async for part in answer.aiter_raw():
                    yield part
            finally:
                await answer.aclose()

        return StreamingResponse(content(), answer.status_code, back)


def _leads_elsewhere(rest: str) -> bool:
    """Say whether a path leaves the place that it begins with, for anybody who decodes it however often."""
    before = ""
    while rest != before:
        if any(part in (".", "..") for part in re.split(r"[/\\]", rest)):
            return True
        before, rest = rest, unquote(rest)
    return False


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_BODY:
            raise HTTPException(413, f"A question to the record has {_LARGEST_BODY} bytes at most.")
    return bytes(body)
