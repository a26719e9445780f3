"""What is in stock where requests are made up, and the password of whoever makes them."""

import tomllib
from pathlib import Path

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
_known = tomllib.loads(CONFIGURATION.read_text())["dictionaries"]

SKUS: list[str] = _known["skus"]["values"]
LOCATIONS: list[str] = _known["locations"]["values"]
PASSWORD = "ten thousand grains of rice"

# What names a thing for good, by the operation that makes it.
NAMES = {
    "handlers.auth.register": "username",
    "handlers.items.create": "sku",
    "handlers.locations.create": "code",
}
