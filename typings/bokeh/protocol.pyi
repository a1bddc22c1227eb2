from collections.abc import Sequence
from typing import TypedDict

from bokeh.document.events import DocumentPatchedEvent

class _Ref(TypedDict):
    id: str

class Buffer:
    ref: _Ref
    def to_bytes(self) -> bytes: ...

class Message:
    content_json: str
    buffers: list[Buffer]

class Protocol:
    def create(self, msgtype: str, events: Sequence[DocumentPatchedEvent]) -> Message: ...
