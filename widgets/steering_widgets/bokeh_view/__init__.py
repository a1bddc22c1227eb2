"""A Bokeh plot on the page: one widget of ours, and what it asks of the browser."""
