"""Long work: tasks of their owners, done by workers under a lease."""
