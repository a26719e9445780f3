"""Databases and files: connections, transactions, pages of lists, tables and migrations."""
