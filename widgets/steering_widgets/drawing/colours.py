"""Colour maps, as the 256 colours that views and Bokeh draw with."""

from functools import cache

from bokeh.palettes import Cividis256, Greys256, Inferno256, Magma256, Turbo256, Viridis256

# Grey runs from black to white here; Bokeh's runs the other way for nothing, so both directions are offered.
PALETTES: dict[str, tuple[str, ...]] = {
    "viridis": Viridis256,
    "magma": Magma256,
    "inferno": Inferno256,
    "cividis": Cividis256,
    "turbo": Turbo256,
    "grey": Greys256,
    "inverted grey": tuple(reversed(Greys256)),
}


# What is no count, in none of the maps: masked (lighter than what lies about a gap), dead, and saturated pixels.
MASKED, DEAD, SATURATED = "#b7a5a5", "#00e5ff", "#ff2bd6"


@cache
def colour_bytes(name: str, *, marked: bool = False) -> bytes:
    """Give a colour map as 256 triples of red, green and blue; if there are marked pixels, the first are theirs."""
    colours = (MASKED, DEAD, SATURATED, *PALETTES[name][3:]) if marked else PALETTES[name]
    return b"".join(bytes.fromhex(colour[1:]) for colour in colours)
