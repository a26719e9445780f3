"""A request's way: from the guard to the handler, and back as an answer."""
