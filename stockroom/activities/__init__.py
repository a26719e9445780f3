"""Background activities: what a process does again and again beside its requests or tasks."""
