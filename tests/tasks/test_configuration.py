"""What Celery is told of the broker."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from kombu import Connection

from stockroom.settings import Settings
from tasks.configuration import for_worker
from tests.redis_server import RedisServer


def test_a_message_whose_broker_has_gone_keeps_no_later_one_away(
    tmp_path: Path, start_redis: Callable[..., AbstractContextManager[RedisServer]]
) -> None:
    """A worker takes no message while one is left that could not be acknowledged."""
    with start_redis() as server:
        settings = Settings(_env_file=None, data_dir=tmp_path, broker_url=server.url)
        options = for_worker(settings)["broker_transport_options"]
        with Connection(server.url, transport_options=options) as connection:
            queue = connection.SimpleQueue("test")
            queue.consumer.qos(prefetch_count=1)
            queue.put("x")
            message = queue.get(timeout=30)
            server.stop()
            message.ack()
            assert message.channel.qos.can_consume()
