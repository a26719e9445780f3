"""Lists on the wire."""

from handlers import _paging as paging
from stockroom.db.pages import Page


def page(following: str | None) -> Page[str]:
    return Page(("a", "b"), 7, total_is_exact=True, page=None, per_page=2, next=following)


def test_the_next_url_carries_what_was_asked_and_stands_in_link_too() -> None:
    filters = {"q": "50% & more/é", "tag": None, "archived": False, "sort": "-name"}
    body, headers = paging.answer("items", page("abc_-1"), "/items", filters)
    following = "/items?q=50%25+%26+more%2F%C3%A9&archived=false&sort=-name&per_page=2&cursor=abc_-1"
    assert body["next"] == following
    assert headers == {"Link": f'<{following}>; rel="next"'}


def test_the_last_page_names_no_next() -> None:
    body, headers = paging.answer("items", page(None), "/items", {})
    assert body == {
        "items": ("a", "b"),
        "total": 7,
        "total_is_exact": True,
        "page": None,
        "per_page": 2,
        "next": None,
    }
    assert headers == {}
