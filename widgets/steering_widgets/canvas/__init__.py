"""How a frame is painted in the browser: its pixels, scale, regions, profiles and histogram, as code of the page."""
