"""nginx as `deploy/nginx.conf` has it, but for places: ports, files, certificate, the processes behind it.

`tests/conftest.py` makes its fixtures known to all tests.
"""

import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.processes import PATIENCE, ROOT, _free_port
from tests.requiring import missing

CONFIGURATION = ROOT / "deploy" / "nginx.conf"
PROCESSES = ROOT / "deploy" / "upstream.conf"
INCLUDED = "include /etc/stockroom/upstream.conf;"
PROGRAM = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
UPSTREAM = re.compile(r"^ *server [0-9.:]+ (.*);$", re.MULTILINE)

StartProxy = Callable[..., "Proxy"]


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs: its addresses, the certificate that it shows, and the folder with its logs."""

    url: str
    plain_url: str
    certificate: Path
    folder: Path

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.certificate)

    def connect(self) -> ssl.SSLSocket:
        """A connection past HTTP."""
        address = urlsplit(self.url)
        connection = socket.create_connection((address.hostname, address.port), timeout=20)
        return self.tls.wrap_socket(connection, server_hostname=address.hostname)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


@pytest.fixture
def start_proxy(tmp_path: Path) -> Iterator[StartProxy]:
    """Start nginx before `upstreams`, URLs or addresses; `changes` are texts of its configuration."""
    if PROGRAM is None or shutil.which("openssl") is None:
        missing("nginx or openssl is not installed")
    with ExitStack() as stack:

        def start(*upstreams: Any, changes: Mapping[str, str] | None = None) -> Proxy:
            folder = tmp_path / f"nginx-{len(list(tmp_path.glob('nginx-*')))}"
            folder.mkdir()
            return stack.enter_context(_proxy(folder, [_address(u) for u in upstreams], changes or {}))

        yield start


def _address(upstream: Any) -> str:
    return urlsplit(upstream).netloc if isinstance(upstream, str) else "{}:{}".format(*upstream)


@contextmanager
def _proxy(folder: Path, upstreams: list[str], changes: Mapping[str, str]) -> Iterator[Proxy]:
    secure, plain = _free_port(), _free_port()
    certificate = _certificate(folder)
    configuration = folder / "nginx.conf"
    places = {
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "/var/log/nginx/": f"{folder}/",
        "/etc/stockroom/tls/": f"{folder}/",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ": f"listen 127.0.0.1:{secure} ",
        "listen [::]:80;": "",
        "listen [::]:443 ssl http2;": "",
        # Where it keeps bodies depends on how it was built.
        "http {": "http {" + "".join(f"{kind}_temp_path {folder}/{kind};" for kind in TEMPORARY),
    }
    configuration.write_text(_replaced(_before(upstreams), {**places, **changes}))
    # As root it would take a user of its own, who may not read the folders of tests.
    user = "user root; " if os.geteuid() == 0 else ""
    assert PROGRAM
    process = subprocess.Popen(
        [PROGRAM, "-e", str(folder / "error.log"), "-c", str(configuration), "-g", f"{user}daemon off;"],
        stderr=subprocess.DEVNULL,  # It is in the log, too.
    )
    try:
        proxy = Proxy(f"https://127.0.0.1:{secure}", f"http://127.0.0.1:{plain}", certificate, folder)
        _await_listener(secure, process, proxy)
        yield proxy
    finally:
        process.terminate()
        process.wait(10)
    log = proxy.log("error")
    assert not re.search(r"\[(emerg|alert|crit)\]", log), log


TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def _before(upstreams: list[str]) -> str:
    """The configuration with these processes behind it, each as those that stand there."""
    options = {found[1] for found in UPSTREAM.finditer(PROCESSES.read_text())}
    assert len(options) == 1, "the processes behind the proxy are not all alike"
    servers = "".join(f"server {upstream} {options.copy().pop()};" for upstream in upstreams)
    return _replaced(CONFIGURATION.read_text(), {INCLUDED: servers})


def _replaced(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, f"{CONFIGURATION.name} no longer has {old!r}"
        text = text.replace(old, new)
    return text


def _certificate(folder: Path) -> Path:
    certificate = folder / "fullchain.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-days", "2", "-subj", "/CN=stockroom.test", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(folder / "privkey.pem"), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate


def _await_listener(port: int, process: subprocess.Popen[bytes], proxy: Proxy) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail(f"nginx does not listen:\n{proxy.log('error')}")
