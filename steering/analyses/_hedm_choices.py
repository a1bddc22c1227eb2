"""What a person may choose of HEDM."""

from pydantic import Field, PositiveFloat, model_validator

from steering.analyses._choices import Choices
from steering.spots.crystal_choices import CrystalChoices


class KnownCrystal(CrystalChoices):
    """A crystal whose grains are known."""

    shortest: float = Field(1.0, gt=0)

    @model_validator(mode="after")
    def _has_reflections(self) -> "KnownCrystal":
        self.crystal().reflections(self.shortest)
        return self


class HedmChoices(Choices):
    """What may be chosen of HEDM."""

    threshold: float = Field(
        10.0, ge=1, le=1e6, description="A bright pixel has more counts than this above the background",
        json_schema_extra={"units": "counts"},
    )  # fmt: skip
    geometry: dict[str, float] | None = Field(
        None, description="Where the detector stands; that of the beamline's file if left out"
    )
    axis: str = Field("", description="Column of the rotation in degrees; omega, if there is such a column")
    omega_start: float | None = Field(
        None, description="Angle of the first frame, of frames without a column", json_schema_extra={"units": "deg"}
    )
    omega_step: float | None = Field(
        None, description="Angle from a frame to the next, likewise", json_schema_extra={"units": "deg"}
    )
    slow: str = Field("", description="Column that changes from sweep to sweep, such as the load")
    wedge: int = Field(
        0, ge=0, le=1_000_000, description="So many frames are a sweep; 0 if the angles say it",
        json_schema_extra={"units": "frames"},
    )  # fmt: skip
    dark: str = Field("", description="File of a frame without beam, which is taken off")
    level: bool = Field(default=False, description="Take off the median of each frame besides")
    valley: float = Field(
        0.0, ge=0, le=1, description="Spots stay apart if the pass between them is below this part of the lower peak"
    )
    fewest_pixels: int = Field(
        4, ge=1, le=100_000, description="Smaller spots count for no width", json_schema_extra={"units": "px"}
    )
    fit_above: float | None = Field(
        None, ge=1, le=1e6, description="Peaks with at least so many counts are fitted; none if left out",
        json_schema_extra={"units": "counts"},
    )  # fmt: skip
    grains: str = Field("", description="Known grains: a grains.out of hexrd")
    crystal: KnownCrystal | None = Field(None, description="Cell of the known grains")
    instrument: str = Field("", description="File .hexrd of the instrument; its geometry is taken, with its distortion")
    within: tuple[PositiveFloat, PositiveFloat] = Field(
        (3.0, 1.0), description="How far a spot may be from where a known grain should have one: px and deg"
    )
    baseline: int = Field(
        1, ge=1, le=1000, description="So many of the first sweeps say what is usual",
        json_schema_extra={"units": "sweeps"},
    )  # fmt: skip
