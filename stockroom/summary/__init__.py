"""The summary: figures over the whole stockroom."""
