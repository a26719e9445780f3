"""The folder broker: what is no message keeps nobody from the next one."""

from pathlib import Path

from kombu import Connection
from structlog.typing import EventDict

from stockroom.settings import Settings
from tasks import folder
from tasks.configuration import for_worker

ENVELOPE = b'{"body": "%b", "content-type": "application/json", "headers": {}, "properties": %b}'
PROPERTIES = b'{"delivery_tag": "1", "delivery_info": {}, "body_encoding": "base64"}'


NO_MESSAGES = [
    b"",
    b'{"body": "cut o',
    b"[1]",
    b"null",
    b"\xff\xfe\x00",
    ENVELOPE % (b"AA", PROPERTIES),
    ENVELOPE % (b"AAAA", b"{}"),
]


def test_what_cannot_be_read_is_told_of_and_left_out(tmp_path: Path, logged: list[EventDict]) -> None:
    folder.install()
    settings = Settings(_env_file=None, data_dir=tmp_path)
    options = for_worker(settings)["broker_transport_options"]
    for number, content in enumerate(NO_MESSAGES):
        # Found first.
        (settings.broker_dir / f"0{number}_x.folder-test.msg").write_bytes(content)
    with Connection("filesystem://localhost", transport_options=options) as connection:
        queue = connection.SimpleQueue("folder-test")
        queue.put("y")
        message = queue.get(timeout=30)
        assert message.payload == "y"
        message.ack()
        queue.close()
    told = [(line["event"], line["log_level"]) for line in logged]
    assert told == [("message.unreadable", "warning")] * len(NO_MESSAGES)
