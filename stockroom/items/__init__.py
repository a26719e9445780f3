"""Items: the catalogue, and the search in it."""
