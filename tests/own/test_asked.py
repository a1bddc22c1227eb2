"""A form is made of what an analysis says of its own parameters."""

import math
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from steering.contract import asked
from steering.contract.asked import Asked, asked_of
from steering.core import registry


class Declared(BaseModel):
    bins: int = Field(8, ge=2, le=64, description="How many", json_schema_extra={"units": "1"})
    beam: float | None = Field(None, gt=0.0, json_schema_extra={"units": "mm"})
    method: Literal["fast", "exact"] = "fast"
    level: bool = Field(default=False, description="Whether")
    mask: list[tuple[int, int]] = Field(default_factory=list)
    title: str


class Modelled:
    Parameters = Declared


class Plain:
    def __init__(self, axis="th", width=0.5, count=3, name="a", flat=True, options=()):
        pass


class Demanding:
    def __init__(self, function):
        pass


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    known = {"modelled": Modelled, "plain": Plain, "demanding": Demanding}
    monkeypatch.setattr(asked.registry, "load", lambda door, name: known.get(name) or registry_load(door, name))


registry_load = registry.load


def test_a_model_says_kind_limits_units_and_choices():
    assert asked_of("modelled") == (
        Asked("bins", "whole", 8, "1", 2.0, 64.0, (), "How many"),
        Asked("beam", "number", None, "mm", 0.0, math.inf),
        Asked("method", "choice", "fast", choices=("fast", "exact")),
        Asked("level", "switch", default=False, description="Whether"),
        Asked("title", "text", needed=True),
    ), "what fits no field keeps its default"


def test_of_a_constructor_its_defaults_say_what_is_asked_for_and_the_axes_are_the_scan_s():
    assert asked_of("plain") == (
        Asked("width", "number", 0.5),
        Asked("count", "whole", 3),
        Asked("name", "text", "a"),
        Asked("flat", "switch", default=True),
    )


def test_what_needs_more_than_a_form_can_ask_for_is_not_asked_for():
    assert asked_of("demanding") is None


def test_ours_are_asked_for_with_a_region_that_is_drawn():
    kept, masked, region = sorted(asked_of("centre_of_mass"), key=lambda one: one.name)
    assert (kept.kind, kept.default, kept.low, kept.units) == ("whole", 100_000, 1.0, "frames")
    assert (region.kind, region.default, region.units) == ("region", None, "px")
    assert (masked.kind, masked.default, masked.units) == ("regions", [], "px")
    assert {one.name for one in asked_of("rocking_curve")} == {"region", "masked", "exposure"}
    assert asked_of("scalars") == ()
