"""What looks at the frames of Laue microdiffraction: made once of what was chosen, in each process that does.

Where a file is written anew, such as with a panel that was calibrated, it is made anew.
"""

import json
from functools import lru_cache

import numpy as np

from steering.core.block import Floats
from steering.laue.choices import IndexingChoices
from steering.laue.indexing import Known, Optics, Tolerances
from steering.laue.looking import Looker
from steering.laue.orientations import read_orientations
from steering.laue.reflections import Band, reflections_of
from steering.laue.search import Search
from steering.machine.written import written_at
from steering.spots.crystal import Crystal
from steering.spots.turns import rotation_of


def orientations_of(chosen: IndexingChoices) -> list[Floats]:
    """Return the orientations that are known: rotations from the crystal's axes to the laboratory's.

    Raises:
        SteeringError: If their file cannot be read.
    """
    return _orientations(_told(chosen), written_at(chosen.orientations))


def looker_of(chosen: IndexingChoices) -> Looker:
    """Make what looks at all frames; it predicts the spots of all known grains.

    Raises:
        ValueError: If the panel or the crystal is not known.
        SteeringError: If a file cannot be read.
    """
    return _looker(_told(chosen), written_at(chosen.orientations, chosen.geometry_file))


def _told(chosen: IndexingChoices) -> str:
    """Write what it depends on."""
    names = set(IndexingChoices.model_fields) - {"axes", "kept"}
    return chosen.model_dump_json(include=names)


@lru_cache(maxsize=4)
def _orientations(told: str, written: tuple[int, ...]) -> list[Floats]:
    del written
    chosen = IndexingChoices.model_validate(json.loads(told))
    found = [rotation_of(np.array(one)) for one in chosen.turns]
    if chosen.orientations and chosen.crystal is not None:
        found += read_orientations(chosen.orientations, chosen.crystal.crystal())
    return found


@lru_cache(maxsize=4)
def _looker(told: str, written: tuple[int, ...]) -> Looker:
    del written
    chosen = IndexingChoices.model_validate(json.loads(told))
    crystal, optics = instrument_of(chosen)
    turns = orientations_of(chosen)
    known = Known([turn @ crystal.reciprocal() for turn in turns], optics)
    return Looker(known, turns, crystal, Search(crystal, optics) if chosen.search else None)


def instrument_of(chosen: IndexingChoices) -> tuple[Crystal, Optics]:
    """Return the crystal, and what all frames have in common.

    Raises:
        ValueError: If the panel or the crystal is not known.
        SteeringError: If the panel's file cannot be read.
    """
    panel = chosen.placed()
    if panel is None or chosen.crystal is None:
        message = "spots are indexed where panel and crystal are known. Give both."
        raise ValueError(message)
    crystal, band = chosen.crystal.crystal(), Band(*chosen.band)
    near = Tolerances(chosen.within[0], chosen.within[1], chosen.fewest_spots)
    optics = Optics(reflections_of(crystal, band.high), panel, band, near, crystal.reciprocal(), chosen.strain_along)
    return crystal, optics
