"""Locations: the places that hold stock."""
