"""What ptychography is made of: patterns at positions, projections between them and an object, files."""
