"""Flows on the page: how they stand, and what a person does with them."""
