"""Stock: movements recorded in the ledger, and the levels they add up to."""
