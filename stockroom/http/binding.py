"""Handlers bound to operations, once: the contract and the handlers name each other, and nothing else."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from connexion.resolver import Resolver

from stockroom.contract.document import ContractError, Document
from stockroom.contract.operations import IDEMPOTENCY_KEY, Operation
from stockroom.http.dispatch import WORK, BoundHandler, Provider
from stockroom.http.rooms import COMMON_ROOM


def bind_handlers(
    document: Document,
    operations: Mapping[str, Operation],
    package: ModuleType,
    constants: Mapping[str, object],
    providers: Mapping[str, Provider],
    blocking: Collection[str] = (),
    rooms: Collection[str] = (),
) -> Mapping[str, BoundHandler]:
    """Bind each operation to the function in `package` to which Connexion resolves its operationId.

    A handler's positional parameters are the operation's own; its keyword-only ones are dependencies, looked
    up in `constants` (bound now) and `providers` (made for each request). Whoever uses one that is `blocking`
    runs in a thread. Whoever uses one of `rooms` works in the room of that name, the others in `COMMON`.
    Raises ContractError.
    """
    names = set(_functions(package))
    faults = [
        document.fault(("paths",), f"the handler {name} has no operation")
        for name in sorted(names - operations.keys())
    ]
    resolver, bound = Resolver(), {}
    for operation in operations.values():
        if operation.id not in names:
            faults.append(_fault(document, operation, f"there is no handler {operation.id}"))
            continue
        function = resolver.resolve_function_from_operation_id(operation.id)
        if misfit := _misfit(operation, function, constants, providers):
            faults.append(_fault(document, operation, misfit))
        else:
            bound[operation.id] = _bind(operation, function, constants, providers, blocking, rooms)
    if faults:
        raise ContractError("\n".join(faults))
    return bound


def _fault(document: Document, operation: Operation, message: str) -> str:
    return document.fault((*operation.pointer, "operationId"), message)


def _functions(package: ModuleType) -> Iterator[str]:
    """The names of the public functions written in the public modules of `package`."""
    for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if info.name.rpartition(".")[2].startswith("_"):
            continue
        module = importlib.import_module(info.name)
        for name, member in vars(module).items():
            if inspect.isfunction(member) and member.__module__ == info.name and not name.startswith("_"):
                yield f"{info.name}.{name}"


def _misfit(
    operation: Operation,
    function: Callable[..., Any],
    constants: Mapping[str, object],
    providers: Mapping[str, Provider],
) -> str | None:
    positional, dependencies = _signature(function)
    if set(positional) != set(operation.arguments):
        takes, gives = ", ".join(positional) or "nothing", ", ".join(operation.arguments) or "nothing"
        return f"{operation.id} takes {takes}; the contract gives {gives}"
    unknown = [name for name in dependencies if name not in constants and name not in providers]
    if unknown:
        return f"{operation.id} asks for {', '.join(unknown)}, which nobody provides"
    if operation.takes(IDEMPOTENCY_KEY) and WORK not in dependencies:
        return f"{operation.id} takes an Idempotency-Key and has no unit of work to keep it in"
    if operation.method == "GET" and WORK in dependencies:
        # RFC 9110, 9.2.1: it is safe, and so crawlers and caches may ask as often as they like.
        return f"{operation.id} has a unit of work; a GET reads, and changes nothing"
    return None


def _bind(
    operation: Operation,
    function: Callable[..., Any],
    constants: Mapping[str, object],
    providers: Mapping[str, Provider],
    blocking: Collection[str],
    rooms: Collection[str],
) -> BoundHandler:
    _, dependencies = _signature(function)
    return BoundHandler(
        operation=operation,
        call=partial(function, **{name: constants[name] for name in dependencies if name in constants}),
        arguments=operation.arguments,
        scoped=tuple((name, providers[name]) for name in dependencies if name in providers),
        on_loop=inspect.iscoroutinefunction(function),
        blocks=not set(blocking).isdisjoint(dependencies),
        room=next((name for name in dependencies if name in rooms), COMMON_ROOM),
        invalidates=operation.invalidates,
    )


def _signature(function: Callable[..., Any]) -> tuple[list[str], list[str]]:
    parameters = inspect.signature(function).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    return positional, [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
