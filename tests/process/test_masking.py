"""No password is shown, however it stands in a URL; what is not one stays, as far as that can be told."""

import pytest
from click.testing import CliRunner

from stockroom.cli import main
from stockroom.process.masking import masked


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://user:hush@host:5432/name", "postgresql://user:********@host:5432/name"),
        ("postgresql://user@host/name?ssl=require", "postgresql://user@host/name?ssl=require"),
        ("postgresql://user:hu%40sh@[::1]/name", "postgresql://user:********@[::1]/name"),
        ("postgresql+asyncpg:///name?host=hush/x", "postgresql+asyncpg:///name?host=********"),
        ("amqp://guest:hush@host//", "amqp://guest:********@host//"),
        ("redis://:hush@host/0", "redis://:********@host/0"),
        ("redis://host:6379/0?db=1&password=hush", "redis://host:6379/0?db=1&password=********"),
        ("unix://user:hush@/run/redis.sock?db=2", "unix://user:********@/run/redis.sock?db=2"),
        ("sqlite:////srv/a@b/stockroom.db", "sqlite:////srv/a@b/stockroom.db"),
        ("file:///srv/a@b/files", "file:///srv/a@b/files"),
        ("filesystem://localhost", "filesystem://localhost"),
        ("s3://bucket/stockroom", "s3://bucket/stockroom"),
        ("redis://host", "redis://host"),
    ],
)
def test_what_is_no_password_stays(url: str, shown: str) -> None:
    assert masked(url) == shown


SCHEMES = ["postgresql", "postgresql+asyncpg", "amqp", "amqps", "redis", "rediss", "s3"]
PASSWORDS = [
    "hush", "hu/sh", "hu@sh", "hu:sh", "hu?sh", "hu#sh", "hu[sh", "hu]sh", "hu&sh=1", "hu\tsh", "hu%2Fsh",
    "h\u00fcsh", "@hush", "/hush", "#hush@", "a/b@hush", "hush/1", "1/hush@2", "1?hush", "1#hush",
    "1?ssl=hush",
]  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("user", ["user", ""])
@pytest.mark.parametrize("password", PASSWORDS)
def test_no_password_is_shown(scheme: str, user: str, password: str) -> None:
    for host in ("host", "host:5432", "[::1]:5432", ""):
        for rest in ("", "/name", "/0?db=1"):
            shown = masked(f"{scheme}://{user}:{password}@{host}{rest}")
            assert not any(part in shown for part in ("hu", "sh", "h\u00fc")), shown


@pytest.mark.parametrize(
    "url",
    [
        "redis://host/0?password=hush",
        "redis://host/0?password=hush@x",
        "redis://host/0?username=a&password=h/ush",
        "redis://host/0?db=hush;password=hush",
        "redis://host/0?hush",
        "redis://host/0#hush",
        "redis://hush@host/0",
        "redis://:hush/0",
        "amqp://user:hush/vhost",
        "s3://bucket/x?key=hush&secret=hush",
        "postgresql://host/name?ssl=hush%20hush",
    ],
)
def test_nor_is_one_that_stands_elsewhere(url: str) -> None:
    assert "hush" not in masked(url)


@pytest.mark.usefixtures("bare_environment")
@pytest.mark.parametrize("password", ["hu/sh", "hu@sh", "hu%40sh", "hu:sh", "hu?sh"])
def test_check_shows_no_password(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # An @ that is not escaped is refused there.
    escaped = password.replace("@", "%40")
    monkeypatch.setenv("STOCKROOM_DATABASE_URL", f"postgresql://user:{escaped}@127.0.0.1:1/name")
    monkeypatch.setenv("STOCKROOM_BROKER_URL", f"amqp://user:{password}@127.0.0.1:1//")
    monkeypatch.setenv("STOCKROOM_REDIS_URL", f"redis://:{password}@127.0.0.1:1/0?password={password}")
    monkeypatch.setenv("STOCKROOM_FILES_URL", f"s3://key:{password}@bucket/x")
    told = CliRunner().invoke(main, ["check"])
    assert told.exit_code == 1
    shown = [line for line in told.output.splitlines() if "_URL " in line]
    assert len(shown) == 4
    assert not any(part in line for line in shown for part in ("hu", "sh"))
    assert not any(part in told.output for part in (password, "hu/", "sh@"))
