"""Columns of frames of which an event has many.

An event of a burst has one value of each column for all its frames; an axis that moved meanwhile has one for each
frame. The sources give each frame its own row of all that, and besides where in its event it is and when it was taken.
"""

# In an event: Unix time of the middle of its first exposure, and of one exposure to the next, in seconds.
START, PERIOD = "burst_start", "burst_period"
# In an event of a burst that is taken in parts: which of them it is, from 0; how many of its frames were taken before
# the burst was ended (all of them unless it was), and how many are missing between these and the others.
PART, KEPT, GAP = "burst_part", "burst_kept", "burst_gap"
# In an event of a beamline with suspenders: 0 if one of them tripped while it was measured; its frames are left out.
USABLE = "usable"
# Of each frame: number of its burst's first event (from 1), its index in the burst (from 0), Unix time of the middle of
# its exposure.
EVENT, INDEX, TIME = "seq_num", "burst_index", "time"
