"""The answers that an operation declares, beyond those that its policies cause (see the start check)."""

from collections.abc import Iterator

from stockroom.contract.document import ContractFault, Document
from stockroom.contract.problem_types import problem_types
from tests.contract.gates.lint.walk import Operation, operations

PAGING = {"page", "per_page", "cursor", "count"}
LIST = {"total", "total_is_exact", "page", "per_page", "next"}


def limit_answers(document: Document) -> Iterator[ContractFault]:
    """429 and 503 belong to operations with `x-rate-limit`: the others are static and need nothing."""
    for operation in operations(document):
        pointer, is_limited = (*operation.pointer, "responses"), "x-rate-limit" in operation.spec
        if is_limited and "503" not in operation.responses:
            yield pointer, "the database can be away, and there is no 503"
        for status in {"429", "503"} & operation.responses.keys():
            if not is_limited:
                yield (*pointer, status), f"nothing is limited or needed here that could cause a {status}"


def not_found(document: Document) -> Iterator[ContractFault]:
    """404 belongs to operations that name a thing, by a parameter of the path or in the body."""
    for operation in operations(document):
        pointer, has_404 = (*operation.pointer, "responses"), "404" in operation.responses
        names = [parameter for parameter in operation.parameters if parameter["in"] == "path"]
        if names and not has_404:
            yield pointer, "what the path names can be missing, and there is no 404"
        if has_404 and not names and "requestBody" not in operation.spec:
            yield (*pointer, "404"), "nothing is named that could be missing"


def quota_headers(document: Document) -> Iterator[ContractFault]:
    """A limited operation tells the quota with its success, and with 304."""
    for operation in operations(document):
        for status in {operation.success, "304"} & operation.responses.keys():
            is_told = operation.gives(status, "RateLimit", "RateLimit-Policy")
            if "x-rate-limit" in operation.spec and not is_told:
                yield (*operation.pointer, "responses", status), "RateLimit or RateLimit-Policy is missing"


def entity_tags(document: Document) -> Iterator[ContractFault]:
    """What takes If-None-Match gives an ETag; so does the GET at a path where anything takes If-Match."""
    conditional = {operation.path for operation in operations(document) if operation.takes("If-Match")}
    for operation in operations(document):
        is_needed = operation.method == "get" and operation.path in conditional
        is_needed = is_needed or operation.takes("If-None-Match")
        if is_needed and not operation.gives(operation.success, "ETag"):
            yield (*operation.pointer, "responses", operation.success), "ETag is missing"


def locations(document: Document) -> Iterator[ContractFault]:
    """What a POST makes (201) or begins (202) has a Location."""
    for operation in operations(document):
        makes_something = operation.method == "post" and operation.success in ("201", "202")
        if makes_something and not operation.gives(operation.success, "Location"):
            yield (*operation.pointer, "responses", operation.success), "Location is missing"


def lists(document: Document) -> Iterator[ContractFault]:
    """A list takes all parameters of paging, and answers with a Link and all members about the page."""
    for operation in operations(document):
        if not any(operation.takes(name) for name in PAGING):
            continue
        lacking = sorted(name for name in PAGING if not operation.takes(name))
        if lacking:
            yield operation.pointer, f"the list does not take {', '.join(lacking)}"
        where = (*operation.pointer, "responses", operation.success)
        if not operation.gives(operation.success, "Link"):
            yield where, "Link is missing"
        if not _required(document, operation) >= LIST:
            yield where, "this is not the body of a list"


def _required(document: Document, operation: Operation) -> set[str]:
    content = operation.responses[operation.success].get("content", {})
    return {
        name for media in content.values() for name in document.resolve(media["schema"]).get("required", ())
    }


def problem_types_told(document: Document) -> Iterator[ContractFault]:
    """An error enumerates the types of problem that it may be."""
    for operation in operations(document):
        for status, response in operation.responses.items():
            if status >= "400" and not problem_types(response):
                yield (*operation.pointer, "responses", status), "it does not say which problems it may be"
