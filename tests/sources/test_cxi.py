"""CXI as a source: the frames have the positions that their table holds, so an object comes of them."""

import h5py
import numpy as np
import pytest

from steering.analyses.ptychography import Ptychography
from steering.core.block import FrameBlock
from steering.core.source import RunEnded
from steering.loop.store import Store
from steering.ptychography.cxi import CxiScan, write_scan
from steering.session.source_follower import SourceFollower
from steering.sim.star import GEOMETRY
from steering.sources.frames import read_frames
from steering.sources.hdf5 import Hdf5Source
from steering.testing import InlineFacility
from steering.testing.waiting import until
from tests.analyses.ptychography import grid, like_the_truth, scanned

FRAMES = np.random.default_rng(0).poisson(2, (6, 8, 9)).astype("u2")
METRES = np.random.default_rng(1).normal(size=(6, 3)) * 1e-6


async def blocks_of(path):
    return [one async for one in Hdf5Source(path).items() if isinstance(one, FrameBlock)]


def column(blocks, name):
    return np.concatenate([one.columns[name] for one in blocks])


async def test_a_scan_in_a_file_of_cxi_is_followed_and_becomes_an_object(tmp_path):
    positions = grid(0.12, 0.42)
    frames = scanned(positions)
    write_scan(tmp_path / "scan.cxi", CxiScan(frames, positions, GEOMETRY))
    analysis, said, facility = Ptychography(geometry=GEOMETRY.json(), defocus=55.0), [], InlineFacility()
    await facility.start()
    followed = SourceFollower(
        "cxi", Hdf5Source(tmp_path / "scan.cxi"), facility, Store(None), lambda _: {"main": analysis},
        lambda *_: None, said.append,
    )  # fmt: skip
    followed.start(frames=False)
    await until(
        lambda: followed.result is not None and followed.result.provenance.frames == len(frames), lambda: str(said)
    )
    found = followed.result.outcome
    assert found.features["frames"].value == len(frames)
    assert found.features["error"].value < 0.011
    assert like_the_truth(found.data) > 0.985
    await followed.close()
    await facility.close()
    assert said == []


@pytest.mark.parametrize("where", ["data_1", "instrument_1/detector_1", "sample_1/geometry_1"])
@pytest.mark.parametrize(("units", "factor"), [("", 1e6), ("m", 1e6), ("mm", 1e3), ("um", 1.0)])
async def test_the_table_is_taken_wherever_it_stands_in_the_unit_that_it_has(tmp_path, where, units, factor):
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["entry_1/data_1/data"] = FRAMES
        file[f"entry_1/{where}/translation"] = METRES
        if units:
            file[f"entry_1/{where}/translation"].attrs["units"] = units
    blocks = await blocks_of(tmp_path / "a.cxi")
    assert np.array_equal(np.concatenate([read_frames(one)[0] for one in blocks]), FRAMES)
    for part, name in enumerate(("sx", "sy")):
        assert column(blocks, name).tolist() == (METRES[:, part] * factor).tolist()
        assert blocks[0].units[name] == "um"


@pytest.mark.parametrize(
    "table",
    [METRES[:4], METRES[:, 0], METRES[:, :1], np.zeros((6, 3), "S1"), (METRES, "furlong")],
    ids=["fewer rows", "no rows", "one number a row", "text", "another unit"],
)
async def test_a_table_that_is_not_of_these_frames_is_none(tmp_path, table):
    table, units = table if isinstance(table, tuple) else (table, "")
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["entry_1/data_1/data"] = FRAMES
        file["entry_1/data_1/translation"] = table
        file["entry_1/data_1/translation"].attrs["units"] = units
    blocks = await blocks_of(tmp_path / "a.cxi")
    assert not {"sx", "sy"} & set(blocks[0].columns)


async def test_columns_of_these_names_go_before_the_table(tmp_path):
    with h5py.File(tmp_path / "a.cxi", "w") as file:
        file["entry_1/data_1/data"] = FRAMES
        file["entry_1/data_1/translation"] = METRES
        file["entry_1/sx"] = np.arange(6.0)
    blocks = await blocks_of(tmp_path / "a.cxi")
    assert column(blocks, "sx").tolist() == [*range(6)]
    assert column(blocks, "sy").tolist() == (METRES[:, 1] * 1e6).tolist()


async def test_a_table_that_grows_with_the_frames_is_read_as_far_as_it_goes(tmp_path):
    path, items = tmp_path / "a.cxi", []
    file = h5py.File(path, "w", libver="latest")
    data = file.create_dataset("entry_1/data_1/data", (0, 8, 9), "u2", maxshape=(None, 8, 9), chunks=(1, 8, 9))
    table = file.create_dataset("entry_1/data_1/translation", (0, 3), "f8", maxshape=(None, 3), chunks=(1, 3))
    file.swmr_mode = True

    def add(many):
        first = len(data)
        for dataset, values in ((table, METRES), (data, FRAMES)):
            dataset.resize(first + many, axis=0)
            dataset[first:] = values[first : first + many]
            dataset.flush()

    add(2)
    async for item in Hdf5Source(path, frames=len(FRAMES)).items():
        items.append(item)
        if isinstance(item, FrameBlock):
            if file and len(data) < 6:
                add(2)
            else:
                file.close()
    blocks = [one for one in items if isinstance(one, FrameBlock)]
    assert [len(one) for one in blocks] == [2, 2, 2]
    assert isinstance(items[-1], RunEnded)
    assert column(blocks, "sy") == pytest.approx(METRES[:, 1] * 1e6)
