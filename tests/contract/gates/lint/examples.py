"""What the contract shows: whoever reads it needs an example of each thing, and may send it as it is."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from stockroom.contract.document import ContractFault, Document
from stockroom.contract.policies import PROBLEM
from tests.contract.gates.lint.walk import operations, parts, values

SHOWN = frozenset({"example", "examples"})
# Names and addresses that belong to nobody (RFC 2606, RFC 6761, RFC 5737).
RESERVED = re.compile(r"(.*\.)?(example|invalid|test|example\.(com|net|org))")
NETWORKS = [ip_network(block) for block in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")]
HOST = re.compile(r"(?:://|@)([A-Za-z0-9.-]+)")
ADDRESS = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")


def parameter_examples(document: Document) -> Iterator[ContractFault]:
    """A parameter has an example, unless the values it can have are listed. So has a header of an answer."""
    for kind in ("parameter", "header"):
        for pointer, node in parts(document, kind):
            schema = document.resolve(node["schema"])
            if not node.keys() & SHOWN and "enum" not in schema and schema.get("type") != "boolean":
                yield pointer, "there is no example"


def body_examples(document: Document) -> Iterator[ContractFault]:
    """A body, of a request or an answer, has an example for each media type that is not binary."""
    for pointer, media in parts(document, "media type"):
        is_binary = document.resolve(media["schema"]).get("format") == "binary"
        if not media.keys() & SHOWN and (pointer[-3] == "requestBody" or not is_binary):
            yield pointer, "there is no example"


def problem_examples(document: Document) -> Iterator[ContractFault]:
    """The example of a problem has the title and status of the catalogue, and the status of the answer."""
    for operation in operations(document):
        for status, response in operation.responses.items():
            for example in _shown(document, response.get("content", {}).get(PROBLEM, {})):
                kind = document.raw["x-problems"].get(str(example.get("type")).removeprefix("/problems/"), {})
                shown = (example.get("title"), str(example.get("status")))
                if shown != (kind.get("title"), str(kind.get("status"))) or shown[1] != status:
                    pointer = (*operation.pointer, "responses", status)
                    yield pointer, f"its example has the type {example.get('type')}, the status {shown[1]}"


def reserved_names(document: Document) -> Iterator[ContractFault]:
    """Hosts, mail domains and addresses in examples are nobody's: example.com, .example, 192.0.2.1."""
    for pointer, value in values(document.raw):
        if SHOWN.isdisjoint(pointer) or not isinstance(value, str):
            continue
        for host in HOST.findall(value):
            if not RESERVED.fullmatch(host):
                yield pointer, f"{host} is not reserved for examples"
        for address in ADDRESS.findall(value):
            if not any(ip_address(address) in network for network in NETWORKS):
                yield pointer, f"{address} is not reserved for examples"


def _shown(document: Document, media: Mapping[str, Any]) -> Iterator[Any]:
    """The values of the example or examples of a media type."""
    if "example" in media:
        yield media["example"]
    for example in media.get("examples", {}).values():
        yield document.resolve(example)["value"]
