"""Retention: what has served its time is deleted."""
