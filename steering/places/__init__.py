"""Where frames lie, one kind a file: how its frames are referred to, read, cut, joined and weighed."""
