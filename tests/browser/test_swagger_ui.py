"""A person with a browser at /docs: signs in, adds an item, imports a file and finds what came of it.

The browser is Debian's `chromium`. Screenshots of a failed test are in its temporary folder.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from stockroom.contract.contract import Contract

NAME, PASSWORD = "keeper", "ten thousand grains of rice"
# A name of its own: Swagger UI asks others about services that are not on this machine, if it may.
HOST = "stockroom.test"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
]
# Milliseconds; what has not come by then does not come.
PATIENCE = 20_000


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser. Without one the test is skipped, or fails where a browser is required."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("STOCKROOM_TEST_REQUIRE_BROWSER") == "1":
            pytest.fail("a browser is required here, and there is no chromium")
        pytest.skip("there is no chromium to open Swagger UI with")
    return path


@pytest.fixture
def docs(chromium: str, start_service: Callable[..., Any], tmp_path: Path) -> Iterator[Page]:
    """Swagger UI of a service with a worker. What it complains of or asks others for fails the test."""
    service = start_service(worker=True)
    service.create_admin(NAME, PASSWORD)
    address = service.url.replace("127.0.0.1", HOST)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.on(
            "console",
            lambda line: complaints.append(line.text) if line.type in {"error", "warning"} else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda sent: complaints.append(sent.url) if is_foreign(sent.url, address) else None
        )
        page.goto(f"{address}/docs")
        yield page
        page.screenshot(path=tmp_path / "last.png", full_page=True)
        browser.close()
    assert complaints == []
    assert service.log().count('"level":"error"') == 0


def is_foreign(url: str, address: str) -> bool:
    return not url.startswith((f"{address}/", "data:", "blob:"))


def operation(page: Page, method: str, path: str) -> Locator:
    """Open an operation of the page."""
    title = page.locator(f'.opblock-summary-path[data-path="{path}"]')
    block = page.locator(f".opblock-{method}").filter(has=title)
    block.locator(".opblock-summary-control").click()
    return block


def execute(block: Locator) -> tuple[int, str]:
    """Press Execute, and answer the status and the body that the page shows."""
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table .response")
    status = answer.locator(".response-col_status").inner_text()
    return int(re.findall(r"\d+", status)[0]), answer.locator(".response-col_description").inner_text()


def sign_in(page: Page) -> None:
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".dialog-ux")
    dialog.locator("#oauth_username").fill(NAME)
    dialog.locator("#oauth_password").fill(PASSWORD)
    dialog.get_by_role("button", name="Apply given OAuth2 credentials").click()
    expect(dialog.get_by_role("button", name="Remove authorization")).to_be_visible()
    dialog.get_by_role("button", name="Close", exact=True).click()


def test_all_operations_are_shown_and_nothing_needless(docs: Page, contract: Contract) -> None:
    expect(docs.locator(".opblock")).to_have_count(len(contract.operations))
    expect(docs.locator(".info .title")).to_contain_text("Stockroom")
    expect(docs.locator("section.models .model-container")).to_have_count(0)
    docs.get_by_role("button", name="Authorize").first.click()
    expect(docs.locator("#oauth_username")).to_be_visible()
    expect(docs.locator("#client_id_password")).to_be_hidden()


def test_a_newcomer_signs_in_adds_an_item_and_imports_a_file(docs: Page, tmp_path: Path) -> None:
    sign_in(docs)

    # The example as it stands.
    status, shown = execute(operation(docs, "post", "/items"))
    assert status == 201
    assert "location: /items/22411" in shown

    file = tmp_path / "tools.csv"
    file.write_text("sku,name\nAX-1,Felling axe\nno good,Saw\n")
    block = operation(docs, "post", "/imports")
    block.locator('input[type="file"]').set_input_files(file)
    status, shown = execute(block)
    assert status == 202
    [task] = set(re.findall(r"location: /tasks/([0-9a-f-]{36})", shown))

    block = operation(docs, "get", "/tasks/{id}")
    block.locator('input[placeholder="id"]').fill(task)
    for _ in range(100):
        status, shown = execute(block)
        assert status == 200
        if '"state": "succeeded"' in shown:
            break
        docs.wait_for_timeout(100)
    assert re.search(r'"created": 1,.*"rejected": 1', shown, re.DOTALL), shown

    block = operation(docs, "get", "/items")
    # No example of a filter is in the way.
    expect(block.locator('[data-param-name="q"] input')).to_have_value("")
    status, shown = execute(block)
    assert status == 200
    assert "Felling axe" in shown
    assert '"total": 2' in shown
