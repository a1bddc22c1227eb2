"""Contract kits that any plugin, ours or a stranger's, must pass."""
