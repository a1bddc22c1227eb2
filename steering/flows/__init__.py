"""Flows as values: typed steps, their conditions, their templates, and how Globus would be told of them."""
