"""What Stockroom is to reach: so many times the requests per CPU-second of another server."""

TARGETS = {
    "read": {
        "litestar": 1.5,
        "fastapi": 4,
        "classic": 4,
        "connexion": 5,
        "fastify": 0.55,
        "floor": 1 / 3,
    },
    "list": {"litestar": 1.3, "fastapi": 4, "classic": 4, "connexion": 4, "floor": 1 / 2},
    "create": {
        "litestar": 1.3,
        "fastapi": 4,
        "classic": 4,
        "connexion": 5,
        "fastify": 0.4,
        "floor": 1 / 3,
    },
    "unchanged": {"fastapi": 4, "classic": 4, "connexion": 5, "floor": 1 / 3},
    "summary": {"fastapi": 1.5, "classic": 2, "connexion": 4, "floor": 1 / 4},
    "movement-1": {"fastapi": 3, "classic": 3, "connexion": 4, "floor": 1 / 2},
    "movement-100": {"fastapi": 3, "classic": 3, "connexion": 4, "floor": 1 / 2},
}
"""By work and server. Besides, no work's p99 is to be worse than FastAPI's."""

POSTGRESQL_LIMITS = {"create": {"litestar": 1.5}}
"""By work and server: PostgreSQL may take at most so many times the CPU time that it takes for the other."""
