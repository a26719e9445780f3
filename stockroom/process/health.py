"""Asks a service whether it is well, for those who can run a program but not send a request.

`python -m stockroom.process.health http://127.0.0.1:8000/health/ready`
"""

import contextlib
import http.client
import sys
from urllib.parse import urlsplit

TIMEOUT = 2.0


def answers(url: str) -> bool:
    """Whether a GET of this `http://` URL is answered with 200, within two seconds for each step."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.HTTPStatus.OK
    return False


if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1]) else 1)
