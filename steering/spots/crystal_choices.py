"""What a person may say of a crystal."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from steering.spots.crystal import Crystal


class CrystalChoices(BaseModel):
    """A cell with its atoms."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lengths: tuple[float, float, float]
    angles: tuple[float, float, float] = (90.0, 90.0, 90.0)
    atoms: tuple[tuple[float, float, float], ...] = Field(((0.0, 0.0, 0.0),), min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _is_one(self) -> "CrystalChoices":
        self.crystal()
        return self

    def crystal(self) -> Crystal:
        """Make it."""
        return Crystal(self.lengths, self.angles, self.atoms)
