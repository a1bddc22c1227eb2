"""What Laue microdiffraction is made of: panels, patterns of grains, and what spots say of these."""
