"""Flows that run on Globus: ordered, started once, and mirrored into the journal of the flow."""
