"""What a person may choose of azimuthal integration."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class CurveChoices(BaseModel):
    """What may be chosen, beside the parts of the detector that are looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    geometry: dict[str, float] | None = Field(
        None, description="Where the detector stands; that of the beamline's file if left out"
    )
    along: Literal["q", "two_theta"] = Field("q", description="Of the curve: q in 1/angstrom or 2 theta in deg")
    low: float | None = Field(None, description="Where the first bin begins, in 1/angstrom or deg")
    high: float | None = Field(None, description="Where the last bin ends, in 1/angstrom or deg")
    bins: int = Field(200, ge=1, le=100_000, description="Points of the curve")
    spacing: Literal["linear", "log"] = Field("linear", description="Of the bins")
    solid_angle: bool = Field(default=True, description="Whether each pixel's solid angle is corrected")
    polarization: float | None = Field(
        None, ge=-1, le=1, description="The beam's linear polarisation, 1 along the rows; not corrected if left out"
    )
    monitor: str = Field("", description="Column of the events that the curve is normalised by, such as an ion chamber")
    peak: tuple[float, float] | None = Field(
        None, description="Where the peak is looked for, in 1/angstrom or deg; everywhere if left out"
    )
    average: tuple[float, float] | None = Field(
        None, description="Where the mean intensity is taken, in 1/angstrom or deg; everywhere if left out"
    )
    guinier: tuple[float, float] | None = Field(
        None,
        description="Where the radius of gyration is fitted, as far as q Rg <= 1.3; not fitted if left out",
        json_schema_extra={"units": "1/angstrom"},
    )
    watched: tuple[float, float] | None = Field(
        None,
        description="Where damage is looked for in the frames of a burst, in 1/angstrom or deg; nowhere if left out",
    )

    apart: str = Field(
        "",
        description="Column that says which frames belong together, such as the filters: only those with the newest"
        " one's value are in the curve",
    )

    @field_validator("peak", "average", "guinier", "watched")
    @classmethod
    def _in_order(cls, limits: tuple[float, float] | None) -> tuple[float, float] | None:
        if limits is not None and not (limits[0] < limits[1] and all(map(math.isfinite, limits))):
            message = f"a range goes from {limits[0]:g} to {limits[1]:g}. Write two finite numbers, the lower one first"
            raise ValueError(message)
        return limits

    @model_validator(mode="after")
    def _goes_together(self) -> "CurveChoices":
        if self.guinier is not None and self.along != "q":
            message = f"guinier is a range of q, but the curve is along {self.along}. Choose along q, or leave it out"
            raise ValueError(message)
        return self
