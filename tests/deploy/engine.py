"""Podman, which builds and runs what compose.yaml and the Dockerfile say, from an image that is made here.

No registry is asked: what `FROM` names is made by debootstrap of the same packages.
"""

import os
import ssl
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.tools import program
from tests.processes import ROOT

PATIENCE = 120.0
FROM = "debian:12.15-slim"
RELEASE = "bookworm"
# crun refuses to work where controllers are divided between both kinds of control groups.
ALONE = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec podman "$@"'

# The engine would ask for more than it may be allowed to give.
LIMITS = ["--cgroups=disabled", "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096"]


@dataclass(frozen=True)
class Engine:
    """The engine, with images and containers in a folder of its own. Those of earlier runs are reused."""

    folder: Path

    def run(self, *arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Call it; its output is in the result, and in the error if it fails."""
        stores = ["--root", str(self.folder / "images"), "--runroot", str(self.folder / "run")]
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", ALONE, "podman", *stores, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **options,
        )
        assert not check or done.returncode == 0, done.stdout
        return done

    def build(self, tag: str, context: Path, *options: str) -> str:
        """Make an image of a folder with a Dockerfile; returns its tag."""
        make_base(self)
        always = ["--isolation=chroot", "--network=host", "--format=docker", "--pull=never"]
        self.run("build", *always, *options, "--tag", tag, str(context))
        return tag

    def start(self, name: str, *arguments: str) -> None:
        """Start a container in the background."""
        self.remove(name)
        self.run("run", "--detach", "--name", name, *LIMITS, *arguments)

    def once(self, *arguments: str, **options: Any) -> str:
        """Run a container to its end; returns what it printed."""
        return self.run("run", "--rm", "--no-healthcheck", *LIMITS, *arguments, **options).stdout

    def inside(self, name: str, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program in a container; its status is in the result."""
        interactive = ["--interactive"] if "input" in options else []
        return self.run("exec", *interactive, name, *command, check=False, **options)

    def stop(self, name: str, seconds: int) -> int:
        """Send SIGTERM, and SIGKILL after so many seconds; returns the status of the container."""
        self.run("stop", "--time", str(seconds), name)
        return int(self.run("inspect", "--format", "{{.State.ExitCode}}", name).stdout)

    def remove(self, name: str) -> None:
        self.run("rm", "--force", "--time", "0", name, check=False)


def make_base(engine: Engine) -> None:
    """Make what `FROM` names, unless it is there."""
    name = f"docker.io/library/{FROM}"
    if engine.run("image", "exists", name, check=False).returncode == 0:
        return
    root, archive = engine.folder / "base", engine.folder / "base.tar"
    try:
        command = ["debootstrap", "--variant=minbase", RELEASE, str(root)]
        subprocess.run(command, check=True, capture_output=True)
        version = (root / "etc" / "debian_version").read_text()
        assert version.partition(".")[0] == FROM.removeprefix("debian:").partition(".")[0]
        _trust_what_is_trusted_here(root)
        subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
        engine.run("import", str(archive), name)
    finally:
        subprocess.run(["rm", "-rf", root, archive], check=True)


def _trust_what_is_trusted_here(root: Path) -> None:
    """Let pip verify as this machine does, which may reach the index through a proxy."""
    certificates = ssl.get_default_verify_paths().cafile
    if certificates is not None:
        (root / "etc" / "trusted-certificates.crt").write_bytes(Path(certificates).read_bytes())
        (root / "etc" / "pip.conf").write_text("[global]\ncert = /etc/trusted-certificates.crt\n")


def open_engine() -> Engine:
    """The engine. Without it, or without the rights to use it, the test is skipped."""
    for name in ("podman", "crun", "debootstrap", "unshare"):
        program(name)
    if os.geteuid() != 0:
        pytest.skip("only root can make a root file system")
    folder = ROOT / ".images"
    folder.mkdir(exist_ok=True)
    return Engine(folder)


def until(condition: Any) -> Any:
    """What `condition` returns once it is true."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError):
            if value := condition():
                return value
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.2)
