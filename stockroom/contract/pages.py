"""What is served as it lies there: the contract's bytes and Swagger UI, which shows it."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from stockroom.contract.document import Document, digest
from stockroom.frozen import frozen

MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".png": "image/png"}
BUNDLED = ("favicon-32x32.png", "swagger-ui-bundle.js", "swagger-ui.css")

# Swagger UI writes styles into the page; scripts and connections are ours alone.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
DOCS = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Stockroom</title>
  <link rel="icon" href="docs/favicon-32x32.png">
  <link rel="stylesheet" href="docs/swagger-ui.css">
  <style>
    /* Clients are public: nobody has anything to say where these ask for a client's own credentials. */
    .auth-container .wrapper:has(> label:is([for="password_type"], [for^="client_"])) { display: none; }
  </style>
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="docs/swagger-ui-bundle.js"></script>
  <script src="docs/initializer.js"></script>
</body>
</html>
"""
INITIALIZER = """/* Examples of optional parameters are not filled in: nobody chose these filters and keys. */
const emptyUntilChosen = () => ({
  statePlugins: { spec: { wrapSelectors: {
    parameterWithMetaByIdentity: (original) => (state, ...which) => {
      const parameter = original(...which);
      return parameter.get("required") ? parameter : parameter.delete("example");
    },
  } } },
});

window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  plugins: [emptyUntilChosen],
});
"""


@frozen
class Page:
    """Bytes and the headers they go out with."""

    content: bytes
    headers: Mapping[str, str]


def build_pages(document: Document) -> Mapping[str, Page]:
    """The pages by name: `openapi.json`, `openapi.yaml`, `docs`, and the parts of the latter."""
    return {name: _page(content, headers) for name, content, headers in _contents(document)}


def _contents(document: Document) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    yield "openapi.json", document.json, {"Content-Type": "application/json"}
    yield "openapi.yaml", document.text, {"Content-Type": "application/yaml"}
    yield "docs", DOCS.encode(), {"Content-Type": "text/html", "Content-Security-Policy": DOCS_POLICY}
    yield "initializer.js", INITIALIZER.encode(), {"Content-Type": "text/javascript"}
    for name in BUNDLED:
        yield (
            name,
            (files("flask_swagger_ui") / "dist" / name).read_bytes(),
            {"Content-Type": MEDIA_TYPES[Path(name).suffix]},
        )


def _page(content: bytes, headers: dict[str, str]) -> Page:
    # `no-cache`: kept by the browser, asked about each time, answered 304 until an update.
    return Page(content, {"ETag": digest(content), "Cache-Control": "no-cache", **headers})
