"""Backups: a folder with the database of one moment, the files that its tasks need, and the key."""
