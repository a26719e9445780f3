"""Accounts: who may log in, sessions, passwords and tokens."""
