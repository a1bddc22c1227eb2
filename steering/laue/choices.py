"""What a person may choose of Laue microdiffraction."""

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, model_validator

from steering.laue.geon import read_panel
from steering.laue.indexing import Along
from steering.laue.panel import Panel, Three
from steering.laue.reflections import Band, reflections_of
from steering.spots.crystal_choices import CrystalChoices


class PanelChoices(BaseModel):
    """A panel that is written out: as 34-ID-E's files have it, but rows before columns."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: tuple[int, int]
    size: tuple[float, float]
    rotation: Three
    translation: Three

    @model_validator(mode="after")
    def _is_one(self) -> "PanelChoices":
        self.panel()
        return self

    def panel(self) -> Panel:
        """Make it."""
        return Panel(self.shape, self.size, self.rotation, self.translation)


class IndexingChoices(BaseModel):
    """What may be chosen, beside the parts of the detector that are looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(
        10.0, ge=1, le=1e6, description="A bright pixel has more counts than this above the background",
        json_schema_extra={"units": "counts"},
    )  # fmt: skip
    dark: str = Field("", max_length=4096, description="File of a frame without beam, which is taken off")
    level: bool = Field(default=False, description="Take off the median of each frame besides")
    valley: float = Field(
        0.0, ge=0, le=1, description="Spots stay apart if the pass between them is below this part of the lower peak"
    )
    fewest_pixels: int = Field(
        3, ge=1, le=100_000, description="What has fewer is no spot", json_schema_extra={"units": "px"}
    )
    fit_above: float = Field(
        50.0, ge=1, le=1e6, description="Peaks with at least so many counts are fitted",
        json_schema_extra={"units": "counts"},
    )  # fmt: skip
    geometry_file: str = Field("", max_length=4096, description="34-ID-E's file geoN_*.xml, which the workers see")
    panel_number: int = Field(0, ge=0, le=1000, description="Which detector of that file: its N")
    panel: PanelChoices | None = Field(None, description="Where the panel stands, if there is no file")
    binning: int = Field(
        1, ge=1, le=64, description="So many rows and columns of the panel are one", json_schema_extra={"units": "px"}
    )
    origin: tuple[int, int] = Field(
        (0, 0), description="Row and column of the panel at which frames begin that show a part of it",
        json_schema_extra={"units": "px"},
    )  # fmt: skip
    crystal: CrystalChoices | None = Field(None, description="Cell of the grains")
    band: tuple[PositiveFloat, PositiveFloat] = Field(
        (7.0, 30.0), description="Lowest and highest energy of the beam", json_schema_extra={"units": "keV"}
    )
    orientations: str = Field("", max_length=4096, description="File of the orientations that are known")
    turns: tuple[Three, ...] = Field(
        (), max_length=10_000, description="Orientations that are known: vectors about which the crystal is turned",
        json_schema_extra={"units": "rad"},
    )  # fmt: skip
    search: bool = Field(default=False, description="Look for grains that nobody knows, among the spots that are left")
    within: tuple[PositiveFloat, PositiveFloat] = Field(
        (0.5, 0.1), description="How far a known orientation may be off, and a spot of a grain that was found",
        json_schema_extra={"units": "deg"},
    )  # fmt: skip
    fewest_spots: int = Field(8, ge=6, le=1000, description="A grain with fewer spots is none")
    strain_along: Along = Field("laboratory", description="Axes that components of strain are along")
    depth: str = Field("", description="Column with the depth that a frame was reconstructed for, in um")
    axes: tuple[str, ...] = Field((), max_length=100, description="Of the scan; the last two are those of a map")
    kept: int = Field(
        1000, ge=1, le=1_000_000, description="Of so many of the newest frames all spots are listed",
        json_schema_extra={"units": "frames"},
    )  # fmt: skip

    @model_validator(mode="after")
    def _goes_together(self) -> "IndexingChoices":
        """Check what no single choice says.

        Raises:
            ValueError: With a sentence.
        """
        band = Band(*self.band)
        if self.crystal is not None:
            reflections_of(self.crystal.crystal(), band.high)
        if self.panel is not None:
            self.panel.panel().binned(self.binning)
        wanted = [name for name in ("orientations", "turns", "search") if getattr(self, name)]
        if wanted and self.crystal is None:
            message = f"{wanted[0]} needs the crystal. Give its lengths in angstrom, angles in deg, and atoms."
            raise ValueError(message)
        if wanted and self.panel is None and not self.geometry_file:
            message = f"{wanted[0]} needs to know where the panel stands. Give geometry_file, or panel."
            raise ValueError(message)
        if self.within[0] < self.within[1] or self.within[0] > 5:
            message = (
                f"within is {self.within[0]:g} and {self.within[1]:g} deg. Allowed: up to 5 deg, the larger one first."
            )
            raise ValueError(message)
        return self

    @property
    def shown_along(self) -> tuple[str, ...]:
        """Axes of a map, slow and fast, or fewer."""
        return self.axes[-2:]

    def placed(self) -> Panel | None:
        """Return where the panel stands, as its frames are binned; nothing if nobody has said it.

        Raises:
            SteeringError: If its file cannot be read.
            ValueError: If it cannot be binned so.
        """
        if self.geometry_file:
            return read_panel(self.geometry_file, self.panel_number).binned(self.binning)
        return None if self.panel is None else self.panel.panel().binned(self.binning)
