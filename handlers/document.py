"""The contract as it was written, and the page that shows it."""

from collections.abc import Mapping
from typing import Protocol


class ServedPage(Protocol):
    @property
    def content(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


Answer = tuple[bytes, Mapping[str, str]]


async def openapi_json(*, pages: Mapping[str, ServedPage]) -> Answer:
    return _answer(pages["openapi.json"])


async def openapi_yaml(*, pages: Mapping[str, ServedPage]) -> Answer:
    return _answer(pages["openapi.yaml"])


async def docs(*, pages: Mapping[str, ServedPage]) -> Answer:
    return _answer(pages["docs"])


async def docs_asset(asset: str, *, pages: Mapping[str, ServedPage]) -> Answer:
    return _answer(pages[asset])


def _answer(page: ServedPage) -> Answer:
    return page.content, page.headers
