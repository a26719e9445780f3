"""The peers' own environments: made at the first run, and again when their pins change."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parent / "peers"
_ENVIRONMENTS = Path(__file__).parent / ".environments"


def python(peer: str) -> str:
    """The interpreter of a peer written in Python, with what its requirements.txt pins."""
    folder = _ENVIRONMENTS / peer
    pins = PEERS / peer / "requirements.txt"
    if not _is_current(folder, pins):
        print(f"Installing {peer} into {_shown(folder)} ...", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(folder)])
        pip = [str(folder / "bin" / "pip"), "--quiet", "--disable-pip-version-check"]
        _run([*pip, "install", "--require-hashes", "--requirement", str(pins)])
        _stamp(folder, pins)
    return str(folder / "bin" / "python")


def node(peer: str) -> str:
    """Node itself, with what a peer's package-lock.json pins in place."""
    folder = PEERS / peer
    pins = folder / "package-lock.json"
    modules = folder / "node_modules"
    if not _is_current(modules, pins):
        print(f"Installing {peer} into {_shown(modules)} ...", flush=True)
        _run(["npm", "ci", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder)])
        _stamp(modules, pins)
    return shutil.which("node") or "node"


def versions(peer: str) -> dict[str, str]:
    """What a Python peer is made of, by distribution: its direct requirements as they are pinned."""
    direct = {line.partition("[")[0].strip() for line in _lines(PEERS / peer / "requirements.in")}
    pinned = (line.partition(" ")[0].partition("==") for line in _lines(PEERS / peer / "requirements.txt"))
    return {name: version for name, _, version in pinned if name in direct}


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.lstrip().startswith("#")]


def _is_current(folder: Path, pins: Path) -> bool:
    stamp = folder / ".pins"
    return stamp.is_file() and stamp.read_text() == _digest(pins)


def _stamp(folder: Path, pins: Path) -> None:
    (folder / ".pins").write_text(_digest(pins))


def _digest(pins: Path) -> str:
    return hashlib.sha256(pins.read_bytes()).hexdigest()


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)


def _shown(folder: Path) -> str:
    return str(folder.relative_to(Path(__file__).parent.parent))
