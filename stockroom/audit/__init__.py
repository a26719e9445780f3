"""The audit: every invariant of the database and its files, checked in one snapshot."""
