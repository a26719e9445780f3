"""Imports: files read row by row and applied in chunks."""
