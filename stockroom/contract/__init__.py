"""The contract made to run: read and compiled once, then enforced on every request."""
