"""Checkpoints of one run and analysis that several lanes and sessions store at once."""

import asyncio

import numpy as np
import pytest

from steering.analyses.centre_of_mass import CentreOfMass
from steering.core.block import FrameBlock, Inline
from steering.loop import store as module
from steering.loop.partial import analyse, restore
from steering.loop.store import Store

KEPT = {"spot": CentreOfMass(), "late": CentreOfMass()}


def partial(frames, label):
    pixels = np.ones((frames, 4, 4), np.int32)
    return analyse({label: KEPT[label]}, [FrameBlock("run", "primary", 0, frames, Inline(pixels))])


def only(label):
    return {label: KEPT[label]}


@pytest.fixture
def store(tmp_path, monkeypatch):
    # Even a small state is read from its file.
    monkeypatch.setattr(module, "_SENT_BYTES", 0)
    return Store(tmp_path / "states", shared=True)


async def test_twins_that_store_at_once_each_read_what_they_stored(store, tmp_path):
    before = {"spot": None, "late": None}
    for step in range(1, 8):
        kept = {
            "spot": store.put("run", only("spot"), partial(10 * step, "spot"), before["spot"]),
            "late": store.put("run", only("late"), partial(3 * step, "late"), before["late"]),
        }
        before = dict(zip(kept, await asyncio.gather(*kept.values()), strict=True))
        for label, frames in (("spot", 10 * step), ("late", 3 * step)):
            assert restore(before[label].saved).frames == frames
    # Of each the last two: a worker may still have to read the one before.
    assert len(list((tmp_path / "states").glob("*.state"))) == 4
    assert list((tmp_path / "states").glob("*.partial")) == []
    # Whoever begins goes on from the fullest.
    assert (await store.get("run", only("late"))).partial.frames == 70


async def test_what_another_session_goes_on_from_is_not_deleted(store):
    first = await store.put("run", only("spot"), partial(5, "spot"))
    begun = await store.get("run", only("spot"))
    mine = begun
    for frames in (6, 7, 8):
        mine = await store.put("run", only("spot"), partial(frames, "spot"), mine)
    assert restore(first.saved).frames == restore(begun.saved).frames == 5


async def test_a_checkpoint_that_is_cut_short_is_passed_over(store, tmp_path):
    await store.put("run", only("spot"), partial(5, "spot"))
    whole = next((tmp_path / "states").glob("*.state"))
    fuller = whole.with_name(whole.name.replace(f"{5:012}", f"{9:012}"))
    fuller.write_bytes(whole.read_bytes()[:-9])
    assert (await store.get("run", only("spot"))).partial.frames == 5


async def test_a_full_disk_leaves_what_was_stored_before(store, tmp_path, monkeypatch):
    kept = await store.put("run", only("spot"), partial(5, "spot"))

    def full(file, partial):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store, "_put", full)
    with pytest.raises(OSError, match="No space left"):
        await store.put("run", only("spot"), partial(6, "spot"), kept)
    assert restore(kept.saved).frames == 5
    assert len(list((tmp_path / "states").iterdir())) == 1
