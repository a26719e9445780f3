"""Exports: files written from one moment's state of the database."""
