"""The works on the classic Flask stack: Flask-RESTful, marshmallow, Flask-JWT-Extended, Flask-Limiter,
Flask-SQLAlchemy and Flask-Caching.
"""

import os
from datetime import timedelta

from flask import Flask
from flask_jwt_extended import JWTManager
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_restful import Api
from marshmallow import ValidationError
from models import db
from resources import ItemResource, ItemsResource, Login, MovementsResource, SummaryResource, cache


def create_app() -> Flask:
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"].replace(
        "postgresql:", "postgresql+psycopg:"
    )
    app.config["JWT_SECRET_KEY"] = os.environ["JWT_KEY"]
    app.config["JWT_ACCESS_TOKEN_EXPIRES"] = timedelta(minutes=10)
    app.config["CACHE_TYPE"] = "SimpleCache"
    # The errors of extensions pass through Flask-RESTful to their own handlers.
    app.config["PROPAGATE_EXCEPTIONS"] = True
    db.init_app(app)
    cache.init_app(app)
    # By itself it answers 422 to a token that is not good.
    JWTManager(app).invalid_token_loader(lambda reason: ({"message": reason}, 401))
    # So high that the benchmark is counted and never refused.
    Limiter(get_remote_address, app=app, default_limits=["100000000 per hour"], storage_uri="memory://")

    @app.get("/health/live")
    def live() -> dict[str, str]:
        return {"status": "ok"}

    @app.errorhandler(ValidationError)
    def invalid(error: ValidationError) -> tuple[dict[str, object], int]:
        return {"errors": error.messages}, 422

    api = Api(app)
    api.add_resource(Login, "/login")
    api.add_resource(ItemsResource, "/items")
    api.add_resource(ItemResource, "/items/<string:sku>")
    api.add_resource(MovementsResource, "/movements")
    api.add_resource(SummaryResource, "/summary")
    return app
