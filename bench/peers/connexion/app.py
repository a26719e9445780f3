"""The works on stock Connexion: its Flask application, its own validation, run as its documentation says."""

from connexion import FlaskApp

app = FlaskApp(__name__, specification_dir=".")
app.add_api("openapi.yaml")
