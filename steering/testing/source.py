"""The contract of a source that is fed with documents."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from steering.core.block import FrameBlock
from steering.core.source import RunEnded, RunStarted, Source, SourceItem
from steering.testing.broken import require

Document = tuple[str, Mapping[str, Any]]


class FedSource(Source, Protocol):
    """A source that takes documents."""

    def feed(self, name: str, document: Mapping[str, Any]) -> None:
        """Take in one document."""
        ...

    def close(self) -> None:
        """End its items."""
        ...


async def check_source(make: Callable[[], FedSource], documents: Sequence[Document], frames: int) -> None:
    """Check that each frame comes exactly once and in order, whatever comes in between.

    Args:
        make: Makes a fresh source.
        documents: Of one whole run with at least three events.
        frames: How many frames it has.

    Raises:
        ContractError: If it does not keep its contract.
    """
    plain = await _items(make(), documents)
    _in_order(plain, frames)
    hostile: list[Document] = [
        ("event", {}),
        ("event", {"descriptor": "unknown", "seq_num": "x"}),
        ("stream_datum", {"stream_resource": 3}),
        ("nonsense", {"a": 1}),
        ("start", {}),
        ("descriptor", {"name": "primary"}),
    ]
    middle = len(documents) // 2
    disturbed = make()
    _in_order(await _items(disturbed, [*documents[:middle], *hostile, *documents[middle:]]), frames)
    require(disturbed.rejected > 0, "malformed documents are not counted")
    require(disturbed.last_rejection, "no sentence says what was malformed")
    _in_order(await _items(make(), [*documents[:middle], *documents]), frames)
    without_end = [entry for entry in documents if entry[0] != "stop"]
    second = [("start", {"uid": "another run", "plan_name": "kit"})]
    items = await _items(make(), [*without_end, *second])
    ended = [item for item in items if isinstance(item, RunEnded)]
    require(len(ended) == 1 and ended[0].status == "fail", "a run whose end was lost does not end when the next starts")


async def _items(source: FedSource, documents: Sequence[Document]) -> list[SourceItem]:
    for name, document in documents:
        source.feed(name, document)
    source.close()
    return [item async for item in source.items()]


def _in_order(items: Sequence[SourceItem], frames: int) -> None:
    require(isinstance(items[0], RunStarted), f"the first item is {items[0]}, not the run's start")
    last = items[-1]
    require(isinstance(last, RunEnded), f"the last item is {last}, not the run's end")
    expected = 0
    for item in items:
        if isinstance(item, FrameBlock):
            require(item.start == expected, f"frame {expected} is followed by {item.start}")
            expected = item.stop
    require(expected == frames, f"{expected} of {frames} frames came")
    if isinstance(last, RunEnded):
        require(last.frames == frames, f"the run's end counts {last.frames} frames, not {frames}")
