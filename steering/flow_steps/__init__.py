"""The steps of flows: what each does between folders, and the journal that is written before and after."""
