"""What a person may choose of our analyses, as pydantic models: forms and refusals are made of them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from steering.analyses._newest import KEPT
from steering.analyses._region import FrameRegion

MOST_KEPT = 10_000_000
MOST_MASKED = 100


class Choices(BaseModel):
    """What may be chosen of an analysis of frames."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: FrameRegion | None = Field(
        None,
        description="The only part of the detector that is looked at; all of it if left out",
        json_schema_extra={"units": "px", "draw": "region"},
    )

    masked: tuple[FrameRegion, ...] = Field(
        (),
        max_length=MOST_MASKED,
        description="Parts of the detector that are left out, such as a beam stop",
        json_schema_extra={"units": "px", "draw": "regions"},
    )

    def plain(self) -> dict[str, Any]:
        """Write what was chosen as JSON; what was not is not there."""
        chosen = self.model_dump(mode="json", exclude_none=True)
        return chosen if self.masked else {name: value for name, value in chosen.items() if name != "masked"}


class TimedChoices(Choices):
    """With the column of the exposure."""

    exposure: str = Field(
        "exposure", description="Column of the events that holds the exposure time in s", min_length=1
    )


class StreamChoices(Choices):
    """With a limit to what is kept one by one."""

    kept: int = Field(
        KEPT,
        ge=1,
        le=MOST_KEPT,
        description="So many of the newest frames are kept one by one; of all before them the sums",
        json_schema_extra={"units": "frames"},
    )
