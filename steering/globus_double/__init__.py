"""A double of Globus over HTTP on loopback, for tests and tutorials: Compute, Flows, and the server of all services."""
