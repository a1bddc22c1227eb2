"""What Laue microdiffraction is made of: where a panel stands, which spots a grain has, and what its spots say of it."""
