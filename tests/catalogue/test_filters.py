"""What Search is asked leaves nothing out that fits: any condition, any entries, also where numbers have 32 bits."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from steering.catalogue.asked import fitting
from steering.catalogue.filters import places_of, rough_filter
from steering.catalogue.published import _read as read_published
from steering.core.errors import SteeringError
from steering.flows.condition import read_condition
from steering.globus.search import Entry as Published
from steering.globus_double_data.index import passes, values
from tests.catalogue.entries import entry

NAMES = ("tau0", "fwhm", "curve.tau0", "curve.fwhm", "a.b.tau0", "b.tau0", "frames", "points", "duration")
UNITS = ("s", "ms", "deg", "rad", "", "frames", "1")
NUMBERS = st.one_of(
    st.floats(-1e3, 1e3), st.sampled_from([0.0, 0.1, 1.0, 1e-45, 1e-30, 3e38, 1e300, -1e300, float("nan")])
)
FEATURES = st.dictionaries(
    st.sampled_from(("tau0", "fwhm", "b.tau0", "frames")), st.tuples(NUMBERS, st.sampled_from(UNITS)), max_size=3
)
SAID = st.fixed_dictionaries(
    {}, optional={"status": st.sampled_from(("success", "abort")), "frames": st.floats(0, 99), "duration": NUMBERS}
)
ENTRIES = st.lists(st.tuples(FEATURES, st.sampled_from(("", "curve", "a", "a.b")), SAID), max_size=6)
COMPARED = st.one_of(
    st.builds(
        lambda name, compare, value, unit: f"{name} {compare} {value!r} {unit}",
        st.sampled_from(NAMES), st.sampled_from(("<", "<=", ">", ">=", "==", "!=")),
        NUMBERS.filter(lambda one: one == one and abs(one) < 1e200), st.sampled_from(UNITS),
    ),
    st.builds("status {} {}".format, st.sampled_from(("==", "!=")), st.sampled_from(("success", "x"))),
)  # fmt: skip
CONDITIONS = st.recursive(
    COMPARED,
    lambda inner: st.one_of(
        st.builds("not ({})".format, inner),
        st.builds("({}) and ({})".format, inner, inner),
        st.builds("({}) or ({})".format, inner, inner),
    ),
    max_leaves=4,
)


def units_of(contents, condition):
    """Answer what a facet would."""
    fields = [place.units for name in condition.names for place in places_of(name) if place.units]
    return {field: sorted({one for content in contents for one in values(content, field)}) for field in fields}


def in_32_bits(content):
    """Keep the numbers of a content as an index may."""
    if isinstance(content, dict):
        return {name: in_32_bits(one) for name, one in content.items()}
    with np.errstate(over="ignore"):
        return float(np.float32(content)) if isinstance(content, float) else content


@given(ENTRIES, CONDITIONS)
@example([({"tau0": (0.1, "s")}, "", {})], "tau0 <= 0.1 s")
@example([({"tau0": (1e-45, "s")}, "curve", {})], "curve.tau0 == 1e-42 ms")
@example([({"tau0": (float("nan"), "s")}, "", {})], "not (tau0 < 1 s)")
@example([({"frames": (7.0, "frames")}, "", {"frames": 1.0})], "frames > 5 frames")
def test_no_entry_that_fits_is_left_out(given_entries, text):
    condition = read_condition(text)
    entries = [entry(number, *one[:2], **one[2]) for number, one in enumerate(given_entries)]
    try:
        fit = fitting(entries, condition, 100)
    except SteeringError:
        fit = []
    rough = rough_filter(condition.part, units_of([one.content for one in entries], condition))
    for one in fit:
        asked = rough if isinstance(rough, bool) else passes(in_32_bits(one.content), rough.document())
        assert asked, (text, one.content["project_metadata"], None if isinstance(rough, bool) else rough.document())


def test_a_range_is_asked_for_in_each_unit_of_a_feature_and_of_a_result_by_its_label():
    condition = read_condition("curve.tau0 < 1 s and status == success")
    dotted, plain = ("project_metadata.features." + one for one in ("curve\\.tau0", "tau0"))
    document = rough_filter(condition.part, {f"{dotted}.units": ["s"], f"{plain}.units": ["ms", "deg"]}).document()
    assert document == {
        "type": "and",
        "filters": [
            {
                "type": "or",
                "filters": [
                    {
                        "type": "and",
                        "filters": [
                            {"type": "match_any", "field_name": f"{dotted}.units", "values": ["s"]},
                            {
                                "type": "range",
                                "field_name": f"{dotted}.value",
                                "values": [{"from": "*", "to": 1.000001}],
                            },
                        ],
                    },
                    {
                        "type": "and",
                        "filters": [
                            {"type": "match_any", "field_name": f"{plain}.units", "values": ["ms"]},
                            {"type": "match_any", "field_name": "project_metadata.label", "values": ["curve"]},
                            {
                                "type": "range",
                                "field_name": f"{plain}.value",
                                "values": [{"from": "*", "to": 1000.001}],
                            },
                        ],
                    },
                ],
            },
            {"type": "match_any", "field_name": "project_metadata.status", "values": ["success"]},
        ],
    }


def test_what_no_entry_has_fits_none_and_what_decides_nothing_leaves_out_none():
    for text, rough in (
        ("tau0 < 1 s", False),
        ("not tau0 < 1 s", False),
        ("tau0 < 1 s and frames > 3 frames", False),
        ("tau0 < 1 s or frames != 3 frames", True),
        ("not (tau0 < 1 s or frames > 3 s)", False),
    ):
        assert rough_filter(read_condition(text).part, {}) is rough, text


def test_an_entry_that_somebody_else_has_published_keeps_no_other_from_being_found():
    odd = [
        Published("result:abc", {**entry(1, {}, "curve").content}, ("public",)),
        Published("run:abc", {**entry(2, {"tau0": (1.0, "Gs^99")}).content}, ("public",)),
        Published("run:def", {**entry(3, {"tau0": (1.0, "s")}).content}, ("public",)),
    ]
    read = [one for one in map(read_published, odd) if one is not None]
    assert [one.subject for one in fitting(read, read_condition("tau0 < 2 s"), 9)] == ["run:def"]
    assert repr(read[0]).startswith("<result abc")
    # And what Search is asked leaves none out that fits, whatever units the index has.
    units = {place.units: ("Gs^99", "s") for place in places_of("tau0")}
    assert passes(odd[2].content, rough_filter(read_condition("tau0 < 2 s").part, units).document())
