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


# What is no count: in none of the maps, and lighter than what lies about a gap.
MASKED = "#b7a5a5"


@cache
def colour_bytes(name: str, *, masked: bool = False) -> bytes:
    """Give a colour map as 256 triples of red, green and blue; the first is that of masked pixels if there are any."""
    colours = (MASKED, *PALETTES[name][1:]) if masked else PALETTES[name]
    return b"".join(bytes.fromhex(colour[1:]) for colour in colours)
