"""What all mappings of a beamline's file have in common."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A mapping of the file: a key that it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)
