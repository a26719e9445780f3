"""What the operators' page says of installing is what compose file, manifests and units say of themselves."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.processes import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()
BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILES = ROOT / "compose.yaml", ROOT / "deploy" / "kubernetes" / "example" / "kustomization.yaml"
SAID = "".join(path.read_text() for path in FILES)


def lines(*programs: str) -> Iterator[str]:
    for block in BLOCK.findall(PAGE):
        yield from (line.strip() for line in block.splitlines() if line.split(" ")[0] in programs)


def test_the_commands_of_docker_and_kubectl_are_those_of_the_files_they_use() -> None:
    found = [*lines("docker", "kubectl")]
    assert len(found) > 6
    assert [line for line in found if line not in SAID] == []


def test_the_units_are_put_where_the_page_says(tmp_path: Path) -> None:
    script = "\n".join(lines("install", "cp")).replace(" /etc/", f" {tmp_path}/etc/")
    subprocess.run(["bash", "-euc", script], cwd=ROOT, check=True)
    put = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob("*") if path.is_file()}
    assert put.keys() == {
        "etc/stockroom/stockroom.env",
        "etc/sysusers.d/stockroom.conf",
        "etc/systemd/system/stockroom-.service.d/common.conf",
        *(f"etc/systemd/system/stockroom-{unit}.service" for unit in ("api", "migrate", "worker")),
    }
    # It holds secrets.
    assert put["etc/stockroom/stockroom.env"].stat().st_mode & 0o777 == 0o600
