"""The analysis loop: sends blocks to a facility and hands on the results."""
