# The part of Bokeh 3.9 that steering_widgets uses; its own types leave most properties unknown.

__version__: str
__file__: str
