"""Which number of a name counts the files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steering.readers.file_names import counting, read_name


def counted(*names):
    taken = [read_name(Path(name)) for name in names]
    place = counting(taken)
    return [(name.series(place), int(name.digits[place]) if place is not None else None) for name in taken]


@pytest.mark.parametrize(
    ("names", "series", "numbers"),
    [
        (["a_0007.tif"], "a_.tif", [7]),
        (["a_7.raw.tif", "a_8.raw.tif"], "a_.raw.tif", [7, 8]),
        (["ff_000372.edf.ge5"], "ff_.edf.ge5", [372]),
        (["s_0001_master.h5"], "s__master.h5", [1]),
        (["img_00012_eiger1m.tif"], "img__eiger1m.tif", [12]),
        (["img_12_1.5keV.cbf", "img_13_1.5keV.cbf"], "img__1.5keV.cbf", [12, 13]),
        (["scan0001_pt3.tif", "scan0001_pt4.tif"], "scan0001_pt.tif", [3, 4]),
        (["a_00001.cbf.gz"], "a_.cbf.gz", [1]),
        (["a_00001.edf.bz2"], "a_.edf.bz2", [1]),
        (["plain.tif"], "plain.tif", [None]),
        (["20261127_153000.tiff"], "20261127_.tiff", [153000]),
    ],
)
def test_the_number_that_counts(names, series, numbers):
    assert counted(*names) == [(series, number) for number in numbers]


def test_scans_of_one_frame_each_stay_apart():
    assert [series for series, _ in counted("scan7_0001.tif", "scan8_0001.tif")] == ["scan7_.tif", "scan8_.tif"]


@pytest.mark.parametrize("name", ["notes.txt", "a.h5.gz", "a.ge3.gz", "noending", "a.gz", ".tif"])
def test_names_of_no_known_format(name):
    assert read_name(Path(name)) is None


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=["Cs"]), max_size=30),
    st.sampled_from([".tif", ".cbf.gz", ".ge2", ".H5"]),
)
def test_each_name_is_put_together_again(stem, suffix):
    taken = read_name(Path(f"x{stem}{suffix}"))
    assert taken is not None
    assert taken.series(None) == f"x{stem}{suffix}"
