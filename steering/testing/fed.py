"""The contract of a source that is fed with documents."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from steering.contract.broken import require
from steering.core.block import FrameBlock
from steering.core.source import RunEnded, RunStarted, Source, SourceItem

_PATIENCE = 180.0
# Runs may be nested or interleaved; more than these are not.
_RUNS_AFTER = 8

Document = tuple[str, Mapping[str, Any]]


class FedSource(Source, Protocol):
    """A source that takes documents."""

    def feed(self, name: str, document: Mapping[str, Any]) -> None:
        """Take in one document."""
        ...


async def check_fed_source(make: Callable[[], FedSource], documents: Sequence[Document], frames: int) -> None:
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
    backwards = [_backwards(name, document) for name, document in documents if name in ("stream_datum", "event")][:2]
    middle = len(documents) // 2
    disturbed = make()
    await _fed_from_a_thread(disturbed, [*documents[:middle], *hostile, *backwards, *documents[middle:]], frames)
    require(disturbed.rejected > 0, "malformed documents are not counted")
    require(disturbed.last_rejection, "no sentence says what was malformed")
    _in_order(await _items(make(), [*documents[:middle], *documents]), frames)
    await _gap(make(), documents)
    without_end = [entry for entry in documents if entry[0] != "stop"]
    others = [("start", {"uid": f"another run {number}", "plan_name": "kit"}) for number in range(_RUNS_AFTER)]
    items = await _items(make(), [*without_end, *others])
    ended = [item for item in items if isinstance(item, RunEnded)]
    require(
        ended and ended[0].run == documents[0][1]["uid"] and ended[0].status == "fail",
        f"a run whose end was lost has not ended as failed after {_RUNS_AFTER} others started",
    )


def _backwards(name: str, document: Mapping[str, Any]) -> Document:
    """Make a document of this run that looks right, but whose frames run backwards or whose data is missing."""
    if name == "stream_datum":
        return name, {**document, "indices": {"start": 5, "stop": 2}}
    return name, {**document, "data": None}


async def _gap(source: FedSource, documents: Sequence[Document]) -> None:
    """Check that a lost event neither mixes up nor doubles frames, and that the run's end counts what came."""
    events = [place for place, (name, _) in enumerate(documents) if name == "event"]
    lost = events[len(events) // 2]
    items = await _items(source, [*documents[:lost], *documents[lost + 1 :]])
    came = [index for item in items if isinstance(item, FrameBlock) for index in range(item.start, item.stop)]
    require(came == sorted(set(came)), f"after a lost event the frames come in the order {came}")
    require(came, "after a lost event not even the frames before it come")
    last = items[-1]
    require(isinstance(last, RunEnded), f"after a lost event the last item is {last}, not the run's end")
    if isinstance(last, RunEnded):
        require(
            last.frames == len(came), f"after a lost event the run's end counts {last.frames} of {len(came)} frames"
        )


async def _fed_from_a_thread(source: FedSource, documents: Sequence[Document], frames: int) -> None:
    """Check the order when another thread feeds while the items are taken."""
    items: list[SourceItem] = []
    taking = source.items()
    name, document = documents[0]
    source.feed(name, document)
    items.append(await anext(taking))

    def feed() -> None:
        for kind, content in documents[1:]:
            source.feed(kind, content)
        source.close()

    feeding = asyncio.create_task(asyncio.to_thread(feed))
    async with asyncio.timeout(_PATIENCE):
        items += [item async for item in taking]
        await feeding
    _in_order(items, frames)


async def _items(source: FedSource, documents: Sequence[Document]) -> list[SourceItem]:
    for name, document in documents:
        source.feed(name, document)
    source.close()
    return [item async for item in source.items()]


def _in_order(items: Sequence[SourceItem], frames: int) -> None:
    require(items, "nothing comes of a whole run's documents")
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
