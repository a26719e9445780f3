"""Rules of ours for the contract, about what is legal and unwise.

`python -m tests.contract.gates.lint` runs them alone. A rule is a function that gives a pointer and a message
for each place that breaks it; its docstring is its text. What keeps the service from starting
(stockroom/contract/policies.py) is no rule here.
"""

from collections.abc import Callable, Iterator, Mapping

from stockroom.contract.document import ContractFault, Document
from stockroom.contract.schemas import pointer as written
from tests.contract.gates.lint import answers, bounds, examples, names, patterns, policies, texts

Rule = Callable[[Document], Iterator[ContractFault]]

RULES: Mapping[str, Rule] = {
    rule.__name__.replace("_", "-"): rule
    for rule in (
        names.path_names,
        names.parameter_names,
        names.property_names,
        names.component_names,
        names.enum_values,
        names.operation_ids,
        names.one_tag,
        names.used_tags,
        names.used_components,
        names.used_scopes,
        names.used_problems,
        names.link_targets,
        texts.summaries,
        texts.descriptions,
        texts.described_schemas,
        bounds.typed_schemas,
        bounds.string_bounds,
        bounds.integer_bounds,
        bounds.array_bounds,
        bounds.object_bounds,
        bounds.formats,
        bounds.input_forms,
        patterns.portable_patterns,
        patterns.linear_patterns,
        examples.parameter_examples,
        examples.body_examples,
        examples.problem_examples,
        examples.reserved_names,
        answers.limit_answers,
        answers.not_found,
        answers.quota_headers,
        answers.entity_tags,
        answers.locations,
        answers.lists,
        answers.problem_types_told,
        policies.explicit_security,
        policies.limits,
        policies.shared_answers,
        policies.idempotency,
    )
}

Place = tuple[str, str]
"""A rule, and a JSON pointer (RFC 6901) to what it is about."""

# Where a rule does not hold, and why. Each must be needed; we aim to keep this short.
EXEMPT: Mapping[Place, str] = {
    ("property-names", "/components/schemas/Problem/properties/violated-policies"): (
        "draft-ietf-httpapi-ratelimit-headers names the member"
    ),
    ("enum-values", "/components/schemas/Tokens/properties/token_type/enum"): "RFC 6750 names the type",
    ("used-components", "/components/schemas/MovementRow"): "the worker holds rows of files against it",
    ("used-scopes", "/components/securitySchemes/password/flows/password/scopes/webhooks:manage"): (
        "roles hold it already, for the webhooks to come"
    ),
    ("parameter-examples", "/components/parameters/Cursor"): (
        "a cursor is made by one list in one order, and means nothing to any other"
    ),
    ("limit-answers", "/paths/~1health~1ready/get/responses/503"): "to answer 503 is what it is for",
}


def lint(
    document: Document, rules: Mapping[str, Rule] = RULES, exempt: Mapping[Place, str] = EXEMPT
) -> list[str]:
    """What breaks a rule, as `openapi/openapi.yaml:LINE: rule: message`; so does a needless exemption."""
    found = [(name, pointer, message) for name, rule in rules.items() for pointer, message in rule(document)]
    needless = {place for place in exempt if place[0] in rules}
    needless -= {(name, written(pointer)) for name, pointer, _ in found}
    return [
        document.fault(pointer, f"{name}: {message}")
        for name, pointer, message in found
        if (name, written(pointer)) not in exempt
    ] + [document.fault((), f"{name}: {place} needs no exemption") for name, place in sorted(needless)]
