import pytest
from scanspec.specs import Concat, Linspace, Range, Zip

from steering.core.errors import SteeringError
from steering.paths.spec_text import read_spec


@pytest.mark.parametrize(
    "spec",
    [
        Linspace("sy", 0, 1, 3) * ~Linspace("sx", 0, 1, 4),
        Zip(Linspace("sy", 0, 1, 5), Linspace("sx", 2, 3, 5)),
        Concat(Linspace("sy", 0, 1, 3), Linspace("sy", 2, 3, 3)) * Range("sx", 0, 1, 0.25),
    ],
)
def test_what_scanspec_serialises_is_read_back(spec):
    assert read_spec(spec.serialize(), ("sy", "sx"), 100) == spec


@pytest.mark.parametrize(
    ("serialised", "words"),
    [
        ({"type": "Linspace", "axis": "sx", "start": 0, "stop": 1, "num": 10**15}, "at most 100"),
        ({"type": "Linspace", "axis": "sx", "start": 0, "stop": 1, "num": float("nan")}, "not a finite number"),
        ({"type": "Linspace", "axis": "sx", "start": 0, "stop": 1, "num": True}, "not a finite number"),
        ({"type": "Range", "axis": "sx", "start": 0, "stop": 1, "step": 0}, "at most 100"),
        ({"type": "Spiral", "x_axis": "sx"}, "Allowed: Concat"),
        ({"type": "Product", "outer": None, "inner": 3}, "JSON object"),
        ({"type": "Linspace", "axis": "sx"}, "not a scanspec Spec"),
        ({"type": "Linspace", "axis": "th", "start": 0, "stop": 1, "num": 3}, "This scan moves: sx"),
        ({}, "type None"),
    ],
)
def test_hostile_paths_give_a_sentence_and_allocate_nothing(serialised, words):
    with pytest.raises(SteeringError, match=words):
        read_spec(serialised, ("sx",), 100)
