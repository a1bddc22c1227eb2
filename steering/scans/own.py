"""A plan of a beamline's own Bluesky instrument, offered as it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import Field, JsonValue
from scanspec.specs import Spec

from steering.paths.path import Point
from steering.paths.scan import Scan
from steering.scans.base import ScanBase
from steering.scans.entry import Mistake, ScanEntry


@dataclass(frozen=True, kw_only=True)
class OwnScan(ScanBase):
    """A plan whose path is its own; nothing of it is known before it runs.

    Its parameters are the plan's arguments, which hold for the whole run, and signals of devices.
    """

    @property
    def own_path(self) -> bool:
        """Nobody can change it."""
        return True

    @property
    def axes(self) -> tuple[str, ...]:
        """Not known before it runs."""
        return ()

    @property
    def shaping(self) -> frozenset[str]:
        """None: nothing that can be steered changes its path."""
        return frozenset()

    @property
    def extent(self) -> Mapping[str, tuple[float, float]]:
        """Not known."""
        return {}

    def count(self, values: Mapping[str, float]) -> int:
        """Not known before the plan says so."""
        del values
        return 0

    def spec(self, values: Mapping[str, float]) -> Spec[str] | None:
        """Not known."""
        del values
        return None

    def points(self, values: Mapping[str, float]) -> list[Point]:
        """None that are ours."""
        del values
        return []


class OwnEntry(ScanEntry):
    """A plan of the instrument in a beamline's file.

    Its parameters are the plan's arguments, and signals of the beamline's file.

    Attributes:
        call: Name of the plan in the instrument.
        arguments: Arguments that are always the same. A text that names a device stands for that device, also in a
            list.
    """

    usual: ClassVar[str] = "scalars"
    exposes: ClassVar[bool] = False
    plan: Literal["own"]
    call: str = Field(pattern=r"^[A-Za-z_][\w.]*$")
    arguments: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def moved(self) -> tuple[str, ...]:
        """Not known."""
        return ()

    @property
    def may_take(self) -> tuple[str, ...]:
        """Any argument: whether the plan has it is known once the instrument has started."""
        return tuple(self.parameters)

    def scan(self) -> Scan:
        """Build the scan."""
        return OwnScan(**self.common())

    def mistakes(self) -> Iterator[Mistake]:
        """Yield arguments that are given twice."""
        for name in self.arguments:
            if name in self.parameters:
                yield ("arguments", name), f"{name} is an argument and a parameter. Leave one of them out."
