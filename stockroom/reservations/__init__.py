"""Reservations: stock that is held for somebody, for a while."""
