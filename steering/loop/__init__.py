"""The analysis loop: blocks to a facility, results to whoever looks."""
