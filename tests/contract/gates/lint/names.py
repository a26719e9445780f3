"""How things are named, and that each name is used."""

import re
from collections.abc import Iterator

from stockroom.contract.document import ContractFault, Document
from tests.contract.gates.lint.walk import operations, parts, values

KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
PASCAL = re.compile(r"([A-Z][a-z0-9]*)+")
HEADER = re.compile(r"[A-Z][A-Za-z]*(-[A-Z][A-Za-z]*)*")
FILE = re.compile(rf"{KEBAB.pattern}\.[a-z]+")
# A word of either kind; a minus before it turns an order round. Or a mark, such as a separator of columns.
VALUE = re.compile(rf"-?({KEBAB.pattern}|{SNAKE.pattern})|{FILE.pattern}|[^\w\s]")

# What the runtime tells of requests for no operation, and of faults of its own.
RUNTIME = {"method-not-allowed", "unknown-method", "unknown-transfer-coding", "internal-error"}


def path_names(document: Document) -> Iterator[ContractFault]:
    """A path is made of kebab-case words, of files, and of parameters in braces."""
    for path in document.raw["paths"]:
        for segment in path.strip("/").split("/"):
            if segment and not (KEBAB.fullmatch(segment) or FILE.fullmatch(segment) or segment[0] == "{"):
                yield ("paths", path), f"{segment} is no kebab-case"


def parameter_names(document: Document) -> Iterator[ContractFault]:
    """Parameters are named in snake_case, headers in Title-Case."""
    for pointer, parameter in parts(document, "parameter"):
        name, form = parameter["name"], HEADER if parameter["in"] == "header" else SNAKE
        if not form.fullmatch(name):
            yield pointer, f"{name} is no {'Title-Case' if form is HEADER else 'snake_case'}"
    for pointer, response in parts(document, "response"):
        for name in response.get("headers", {}):
            if not HEADER.fullmatch(name):
                yield (*pointer, "headers", name), f"{name} is no Title-Case"


def property_names(document: Document) -> Iterator[ContractFault]:
    """Properties are named in snake_case."""
    for pointer, schema in parts(document, "schema"):
        for name in schema.get("properties", {}):
            if not SNAKE.fullmatch(name):
                yield (*pointer, "properties", name), f"{name} is no snake_case"


def component_names(document: Document) -> Iterator[ContractFault]:
    """Components are named in PascalCase; headers as they are on the wire, security schemes as words."""
    forms = {"headers": HEADER, "securitySchemes": SNAKE}
    for group, entries in document.raw["components"].items():
        for name in entries:
            if not forms.get(group, PASCAL).fullmatch(name):
                yield ("components", group, name), f"{name} is no name of a component"


def enum_values(document: Document) -> Iterator[ContractFault]:
    """The values of an enum are lower-case words, all joined by hyphens or all by underscores."""
    for pointer, schema in parts(document, "schema"):
        texts = [value for value in schema.get("enum", ()) if isinstance(value, str)]
        for value in texts:
            if not VALUE.fullmatch(value):
                yield (*pointer, "enum"), f"{value} is no lower-case word"
        if {joint for value in texts for joint in re.findall(r"(?<=\w)[-_](?=\w)", value)} == {"-", "_"}:
            yield (*pointer, "enum"), "hyphens and underscores are mixed"


def operation_ids(document: Document) -> Iterator[ContractFault]:
    """An operationId is `handlers.<module>.<function>`, and all operations of a module have one tag."""
    tags: dict[str, str] = {}
    for operation in operations(document):
        pointer, name = (*operation.pointer, "operationId"), operation.spec["operationId"]
        module, _, function = name.removeprefix("handlers.").partition(".")
        if not (name.startswith("handlers.") and SNAKE.fullmatch(module) and SNAKE.fullmatch(function)):
            yield pointer, f"{name} is no handlers.<module>.<function>"
        tag = next(iter(operation.spec.get("tags", ())), "")
        if tags.setdefault(module, tag) != tag:
            yield pointer, f"{module} is a module of {tags[module]}, and this is {tag}"


def one_tag(document: Document) -> Iterator[ContractFault]:
    """An operation has one tag, which is declared; the operations of a tag stand together."""
    declared = {tag["name"] for tag in document.raw["tags"]}
    seen, last = set[str](), ""
    for operation in operations(document):
        pointer, tags = (*operation.pointer, "tags"), operation.spec.get("tags", [])
        if len(tags) != 1:
            yield operation.pointer, f"the operation has {len(tags)} tags"
            continue
        if tags[0] not in declared:
            yield pointer, f"the tag {tags[0]} is not declared"
        if tags[0] in seen and tags[0] != last:
            yield pointer, f"other operations of {tags[0]} stand further up"
        last = tags[0]
        seen.add(last)


def used_tags(document: Document) -> Iterator[ContractFault]:
    """Each tag that is declared has operations."""
    used = {tag for operation in operations(document) for tag in operation.spec.get("tags", ())}
    for index, tag in enumerate(document.raw["tags"]):
        if tag["name"] not in used:
            yield ("tags", index), f"no operation has the tag {tag['name']}"


def used_components(document: Document) -> Iterator[ContractFault]:
    """Each component is referred to, from without itself."""
    used = {
        value
        for pointer, value in values(document.raw)
        if isinstance(value, str) and value != "#/" + "/".join(map(str, pointer[:3]))
    }
    for group in document.raw["components"].keys() - {"securitySchemes"}:
        for name in document.raw["components"][group]:
            if f"#/components/{group}/{name}" not in used:
                yield ("components", group, name), f"nothing refers to {name}"


def used_scopes(document: Document) -> Iterator[ContractFault]:
    """Each scope of a security scheme is asked for by an operation."""
    used = {scope for operation in operations(document) for scope in operation.scopes}
    for name, scheme in document.raw["components"]["securitySchemes"].items():
        for flow, spec in scheme.get("flows", {}).items():
            for scope in spec["scopes"].keys() - used:
                pointer = ("components", "securitySchemes", name, "flows", flow, "scopes", scope)
                yield pointer, f"no operation asks for {scope}"


def used_problems(document: Document) -> Iterator[ContractFault]:
    """Each problem of the catalogue is told by an operation, or by the runtime to what is none."""
    used = {kind for pointer, kind in values(document.raw) if pointer[-3:-1] == ("type", "enum")}
    for slug in document.raw["x-problems"].keys() - RUNTIME:
        if f"/problems/{slug}" not in used:
            yield ("x-problems", slug), f"no operation tells of {slug}"


def link_targets(document: Document) -> Iterator[ContractFault]:
    """A link leads to an operation that is there; it gives no more than that takes, and all of its path."""
    targets = {operation.spec["operationId"]: operation for operation in operations(document)}
    for pointer, response in parts(document, "response"):
        for name, link in response.get("links", {}).items():
            target, given = targets.get(link.get("operationId")), set(link.get("parameters", ()))
            where = (*pointer, "links", name)
            if target is None:
                yield where, f"there is no operation {link.get('operationId')}"
                continue
            if "requestBody" in link and "requestBody" not in target.spec:
                yield where, f"{link['operationId']} takes no body"
            taken = {parameter["name"]: parameter["in"] for parameter in target.parameters}
            for extra in sorted(given - taken.keys()):
                yield where, f"{link['operationId']} takes no {extra}"
            for missing in sorted(taken.keys() - given):
                if taken[missing] == "path":
                    yield where, f"{link['operationId']} lacks {missing}"
