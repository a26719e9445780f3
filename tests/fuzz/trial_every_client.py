"""Clients of all kinds at once, of a service that checks each of its answers: `make faults`."""

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from stockroom.accounts.model import ROLE_SCOPES
from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import Contract
from tests.contract.conftest import new_token
from tests.fuzz.hostile.corpus import Corpus, plain_requests
from tests.fuzz.hostile.siege import Siege
from tests.fuzz.stock import LOCATIONS, PASSWORD, SKUS
from tests.fuzz.test_hostile import authorize
from tests.fuzz.test_schemathesis import run_as
from tests.processes import ROOT

ATTACKS = 20_000
KEEPERS = 8
PATIENCE = 120


def test_whoever_asks_gets_what_is_declared(
    start_stocked: Callable[..., Any], contract: Contract, tell: Callable[[str], None]
) -> None:
    service = start_stocked(worker=True, web_workers=2)
    with httpx.Client(base_url=service.url, headers={"Authorization": authorize()}) as client:
        corpus = Corpus("1", plain_requests(contract, client), authorize)
    siege = Siege(service.url, corpus, Conformance(contract))
    over = threading.Event()

    def fuzz() -> int:
        return sum(run_as(service, contract, role).report["test_cases"]["generated"] for role in ROLE_SCOPES)

    with ThreadPoolExecutor(KEEPERS + 3) as threads:
        keepers = [threads.submit(keep, service.url, number, over) for number in range(KEEPERS)]
        customers = threads.submit(run_errands, service.url, over)
        fuzzing = threads.submit(fuzz)
        siege.lay(range(ATTACKS))
        generated = fuzzing.result()
        over.set()
        kept = sum((keeper.result() for keeper in keepers), Counter[int]())
        errands = customers.result()
    assert not siege.findings, "\n".join(siege.findings[:20])
    assert not {status for status in kept if status >= 500}
    assert service.log() == ""  # Neither an answer that is not declared nor a stack trace.
    audit(service)
    tell(
        f"{ATTACKS:,} attacks, {generated:,} requests of Schemathesis, {kept.total():,} of keepers, "
        f"{errands} errands with imports: every answer as declared, the audit clean"
    )


def keep(url: str, number: int, over: threading.Event) -> Counter[int]:
    """Move stock, count, reserve and read, until it is over; how often each status came."""
    chance, statuses = random.Random(number), Counter[int]()  # noqa: S311 - the same choices in every run
    headers = {"Authorization": f"Bearer {new_token('admin')}"}
    with httpx.Client(base_url=url, headers=headers, timeout=PATIENCE) as client:
        while not over.is_set():
            line = {"sku": chance.choice(SKUS), "location": chance.choice(LOCATIONS), "quantity": 1}
            asked = chance.choice(
                [
                    ("POST", "/movements", {"kind": chance.choice(["receipt", "issue"]), "lines": [line]}),
                    ("POST", "/reservations", {"lines": [line]}),
                    ("GET", "/items", None),
                    ("GET", "/levels", None),
                    ("GET", "/summary", None),
                    ("GET", "/movements?per_page=5", None),
                ]
            )
            statuses[client.request(asked[0], asked[1], json=asked[2]).status_code] += 1
    return statuses


def run_errands(url: str, over: threading.Event) -> int:
    """Log in, import a file and find what was in it, again and again; how often it went well."""
    command = [sys.executable, str(ROOT / "tests" / "deploy" / "errand.py"), url, "manager"]
    done = 0
    while not over.is_set():
        file = f"{PASSWORD}\nsku,name\nERRAND-{done},Errand\n"
        ran = subprocess.run(
            command, input=file, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        assert ran.returncode == 0, ran.stderr
        done += 1
    return done


def audit(service: Any) -> None:
    command = [sys.executable, "-c", "import stockroom.cli; stockroom.cli.main()", "audit"]
    ran = subprocess.run(
        command, cwd=service.folder, env=service.environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
