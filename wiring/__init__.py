"""The composition root of the API, in parts; `app.py` puts them together."""
