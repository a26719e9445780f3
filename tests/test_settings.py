"""Settings come from the environment and `.env`, are checked before anything starts, and guard secrets."""

import stat
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
import sqlalchemy as sa

from stockroom import settings
from stockroom.db import migrate
from stockroom.db.files import FileStore
from stockroom.process import data_dir, report
from stockroom.settings import Settings, SettingsError

pytestmark = pytest.mark.usefixtures("bare_environment")


def test_the_defaults_need_nothing_but_the_data_folder(tmp_path: Path):
    chosen = settings.load()
    assert chosen.embedded
    assert chosen.database_url == f"sqlite:///{tmp_path}/var/stockroom.db"
    assert chosen.files_url == f"file://{tmp_path}/var/files"
    assert chosen.broker_dir == tmp_path / "var" / "broker"
    assert chosen.address == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("database", "given", "holds"),
    [
        (None, None, "open"),
        ("postgresql://user:pass@host/name", None, "closed"),
        ("postgresql://user:pass@host/name", "open", "open"),
        (None, "closed", "closed"),
    ],
)
def test_registration_is_closed_unless_embedded(
    database: str | None, given: str | None, holds: str, monkeypatch: pytest.MonkeyPatch
):
    for name, value in (("DATABASE_URL", database), ("REGISTRATION", given)):
        if value:
            monkeypatch.setenv(f"STOCKROOM_{name}", value)
    chosen = settings.load()
    assert chosen.registration == holds
    assert report.registration(chosen).startswith(holds)


def test_what_is_kept_follows_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOCKROOM_DATA_DIR", str(tmp_path / "a b%20c"))
    chosen = settings.load()
    data_dir.prepare(chosen)
    migrate.upgrade(chosen.database_url)
    assert (tmp_path / "a b%20c" / "stockroom.db").exists()
    assert FileStore(chosen.files_url).folder == tmp_path / "a b%20c" / "files"


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch):
    Path(".env").write_text("STOCKROOM_PORT=8001\nSTOCKROOM_THREADS=4\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("STOCKROOM_PORT", "8002")
    chosen = settings.load()
    assert (chosen.port, chosen.threads) == (8002, 4)
    sources = {line.variable: line.source for line in report.settings_lines(chosen)}
    assert sources["STOCKROOM_PORT"] == "environment"
    assert sources["STOCKROOM_THREADS"] == ".env"
    assert sources["STOCKROOM_HOST"] == "default"


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOCKROOM_JWT_KEY", "")
    monkeypatch.setenv("STOCKROOM_PORT", "")
    assert settings.load().jwt_key is None
    assert settings.load().port == 8000


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_every_spelling_of_postgresql_means_asyncpg(scheme: str):
    chosen = Settings(database_url=f"{scheme}://user:pass@host/name")
    assert chosen.database_url == "postgresql+asyncpg://user:pass@host/name"
    assert not chosen.embedded


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "sqlite", "mysql"])
@pytest.mark.parametrize(
    "rest",
    [
        "user:hush@shhh@host/name",
        "user:hush@s/shhh@host/name",
        "user:hush@s:shhh@host/name",
        "user:hush@s?shhh=1@host/name",
        "user:hush@shhh?sslmode=shhh@host/name",
        "user:hush/shhh",
        "user:hush:shhh",
        ":hush@shhh@host/name",
        "hush@shhh@host/name",
        "hush/shhh@host/name",
    ],
)
def test_a_password_that_is_taken_apart_wrongly_is_refused_and_not_told(
    scheme: str, rest: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STOCKROOM_DATABASE_URL", f"{scheme}://{rest}")
    with pytest.raises(SettingsError) as refusal:
        settings.load()
    told = str(refusal.value)
    assert told.startswith("STOCKROOM_DATABASE_URL: ")
    assert "hush" not in told
    assert "shhh" not in told
    if scheme.startswith("postgres"):
        assert told.endswith("in a password write @ / : as %40 %2F %3A")


@pytest.mark.parametrize("password", ["h@/:?#sh", "plain"])
def test_a_password_may_hold_anything_that_is_escaped(password: str) -> None:
    chosen = Settings(database_url=f"postgresql://user:{quote(password, safe='')}@host/name")
    assert sa.make_url(chosen.database_url).password == password


@pytest.mark.parametrize("rest", ["h/n?port=x", "h..x/n", "/n?host=h&host=..", f"{'h' * 64}.example/n"])
def test_a_host_or_port_that_is_none_is_refused(rest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STOCKROOM_DATABASE_URL", f"postgresql://user:pass@{rest}")
    with pytest.raises(SettingsError, match=r"^STOCKROOM_DATABASE_URL: its host or port is none$"):
        settings.load()


@pytest.mark.parametrize("rest", ["/n?host=/run/postgresql", "/n?host=a:5432&host=b:5433", "[::1]:5432/n"])
def test_sockets_several_hosts_and_addresses_are_hosts(rest: str) -> None:
    chosen = Settings(database_url=f"postgresql://user:pass@{rest}")
    assert unquote(chosen.database_url) == f"postgresql+asyncpg://user:pass@{rest}"


def test_encryption_is_asked_for_as_libpq_has_it() -> None:
    chosen = Settings(database_url="postgres://user:pass@host/name?sslmode=verify-full")
    assert chosen.database_url == "postgresql+asyncpg://user:pass@host/name?ssl=verify-full"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "eighty"),
        ("TRUSTED_PROXIES", "11"),
        ("TRUSTED_PROXIES", "-1"),
        ("REGISTRATION", "invite"),
        ("DEFAULT_ROLE", "admin"),
        ("RATE_LIMITS", "off"),
        ("DRIFT_SAMPLE", "1.01"),
        ("DRIFT_SAMPLE", "nan"),
        # That of the API.
        ("METRICS_PORT", "8000"),
        ("LOG_LEVEL", "loud"),
        ("THREADS", "0"),
        ("JWT_KEY", "x" * 31),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "not a url"),
        ("DATABASE_URL", "sqlite://user:pass@/name"),
        ("DATABASE_URL", "postgresql://user:pass@host:5432x/name"),
        ("DATABASE_URL", "postgresql://user:pass@host:65536/name"),
        ("DATABASE_URL", "postgresql://user:pass@host:-1/name"),
        ("DATABASE_URL", "postgresql://host/name?target_session_attrs=any"),
        ("BROKER_URL", "sqs://"),
        ("REDIS_URL", "http://host"),
        ("FILES_URL", "/srv/files"),
    ],
)
def test_a_value_that_cannot_be_used_is_one_line_with_its_variable(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(f"STOCKROOM_{name}", value)
    with pytest.raises(SettingsError) as refusal:
        settings.load()
    assert str(refusal.value).startswith(f"STOCKROOM_{name}: ")
    assert "\n" not in str(refusal.value)


def test_all_bad_values_are_told_at_once_and_no_secret_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOCKROOM_PORT", "x")
    monkeypatch.setenv("STOCKROOM_JWT_KEY", "tooshort")
    with pytest.raises(SettingsError) as refusal:
        settings.load()
    assert [line.split(":")[0] for line in str(refusal.value).splitlines()] == [
        "STOCKROOM_PORT",
        "STOCKROOM_JWT_KEY",
    ]
    assert "tooshort" not in str(refusal.value)


def test_neither_the_settings_nor_their_list_show_secrets():
    chosen = Settings(
        jwt_key="k" * 32,
        database_url="postgresql://user:hush@host/name",
        broker_url="amqp://guest:hush@host//",
        redis_url="redis://:hush@host/0",
    )
    lines = list(report.settings_lines(chosen))
    assert {line.value for line in lines} >= {
        "********",
        "postgresql+asyncpg://user:********@host/name",
        "amqp://guest:********@host//",
        "redis://:********@host/0",
    }
    assert "hush" not in repr(chosen) + repr(lines)
    assert "kkk" not in repr(chosen) + repr(lines)


def test_a_misspelt_variable_is_noticed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STOCKROOM_PROT", "8001")
    monkeypatch.setenv("STOCKROOM_TEST_REQUIRE_SERVICES", "0")
    Path(".env").write_text("STOCKROOM_DATABSE_URL=sqlite:///x.db\n")
    assert report.unknown_variables() == ["STOCKROOM_DATABSE_URL", "STOCKROOM_PROT"]


def test_settings_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        settings.load().port = 1


def test_the_key_is_made_once_and_readable_by_its_owner_alone():
    chosen = settings.load()
    key = data_dir.signing_key(chosen)
    assert len(key) >= 32
    assert data_dir.signing_key(chosen) == key
    assert stat.S_IMODE(chosen.key_file.stat().st_mode) == 0o600
    assert list(chosen.data_dir.iterdir()) == [chosen.key_file]


def test_processes_that_start_at_once_agree_on_the_key():
    chosen = settings.load()
    with ProcessPoolExecutor(4) as pool:
        keys = set(pool.map(data_dir.signing_key, [chosen] * 16))
    assert len(keys) == 1
    assert list(chosen.data_dir.iterdir()) == [chosen.key_file]


def test_a_configured_key_is_used_and_nothing_is_kept():
    chosen = Settings(jwt_key="ü" * 16)
    assert data_dir.signing_key(chosen) == ("ü" * 16).encode()
    assert not chosen.data_dir.exists()


def test_a_key_file_that_was_cut_short_is_refused():
    chosen = settings.load()
    data_dir.prepare(chosen)
    chosen.key_file.write_text("short")
    with pytest.raises(SettingsError, match=r"jwt\.key"):
        data_dir.signing_key(chosen)


def test_a_data_folder_that_cannot_be_written_is_told():
    Path("file").touch()
    with pytest.raises(SettingsError, match="STOCKROOM_DATA_DIR: cannot write"):
        data_dir.prepare(Settings(data_dir="file/below"))
