"""Programs that do what the world does to a database: kill, and write at the same time."""
