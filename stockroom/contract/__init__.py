"""The contract at start: read, checked, compiled."""
