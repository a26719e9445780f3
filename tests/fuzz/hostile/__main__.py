"""Attack a running service: `python -m tests.fuzz.hostile --url http://127.0.0.1:8000 --token …`."""

import argparse
import sys
from pathlib import Path
from tempfile import gettempdir

import httpx

from stockroom.contract.conformance import Conformance
from stockroom.contract.contract import load_contract
from tests.fuzz.hostile.corpus import Corpus, plain_requests
from tests.fuzz.hostile.siege import Siege


def main() -> str | None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True, help="an access token of an administrator")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--count", type=int, default=10_000, help="attacks")
    parser.add_argument("--only", type=int, help="the number of one attack")
    options = parser.parse_args()
    contract = load_contract(uploads=Path(gettempdir()))
    authorization = f"Bearer {options.token}"
    with httpx.Client(base_url=options.url, headers={"Authorization": authorization}) as client:
        plains = plain_requests(contract, client)
    corpus = Corpus(options.seed, plains, lambda operation, number: authorization)
    siege = Siege(options.url, corpus, Conformance(contract))
    siege.lay(range(options.count) if options.only is None else [options.only])
    return "\n".join(siege.findings) or None


sys.exit(main())
