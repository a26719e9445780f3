"""Celery's configuration, made from the settings. Celery itself is not imported here."""

from typing import Any

from stockroom.settings import Settings

QUEUE = "stockroom"
RUN = "stockroom.run"
"""The name of the only Celery task: run the task with the given id."""

_WORKER_SECONDS = 5
_PUBLISHER_SECONDS = 1
"""Seconds that a broker may take to answer."""


def for_worker(settings: Settings) -> dict[str, Any]:
    return _common(settings, _WORKER_SECONDS) | {
        "broker_connection_retry_on_startup": True,
        # For ever; by default the worker ends after 100 tries, which take 46 minutes.
        "broker_connection_max_retries": None,
        "broker_transport_options": _transport(settings, _WORKER_SECONDS),
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_redirect_stdouts": False,
        # The timer's thread checks this often, in seconds, whether it must end.
        "worker_timer_precision": 0.2,
        # A worker that is killed loses the messages that it has prefetched.
        "worker_prefetch_multiplier": 1,
    }


def for_publisher(settings: Settings) -> dict[str, Any]:
    options = _transport(settings, _PUBLISHER_SECONDS)
    if settings.broker_url.startswith("amqp"):
        # Only here: a worker waits for messages as long as it takes, but here each read awaits the reply to a
        # write.
        options |= {"read_timeout": _PUBLISHER_SECONDS, "write_timeout": _PUBLISHER_SECONDS}
    # Without this kombu retries the connection for ever, even if the publisher asks for no retries.
    return _common(settings, _PUBLISHER_SECONDS) | {"broker_transport_options": options | {"max_retries": 0}}


def _common(settings: Settings, seconds: float) -> dict[str, Any]:
    return {
        "broker_url": _broker_url(settings),
        "broker_connection_timeout": seconds,
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_default_queue": QUEUE,
        "task_publish_retry": False,
    }


def _broker_url(settings: Settings) -> str:
    # kombu requires a host, even where a URL has none.
    return "filesystem://localhost" if settings.broker_url == "filesystem://" else settings.broker_url


def _transport(settings: Settings, seconds: float) -> dict[str, Any]:
    scheme = settings.broker_url.partition("://")[0]
    if scheme == "filesystem":
        folder = settings.broker_dir
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        same = dict.fromkeys(("data_folder_in", "data_folder_out", "control_folder"), str(folder))
        return {**same, "polling_interval": 0.1}
    if scheme in {"redis", "rediss"}:
        timeouts = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
        # Nothing is noted in Redis of who has which message: the database knows what is to be done. A worker
        # whose note could not be taken back, as Redis had gone, would wait for ever for it to be.
        return {**timeouts, "ack_emulation": False}
    return {}
