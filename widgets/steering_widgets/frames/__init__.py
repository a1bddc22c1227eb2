"""The detector's frames: the newest, the older ones, and how they are drawn."""
