"""Whatever runs beside requests and tasks is a background activity; what starts else is listed here."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

STARTS = {"Thread", "ThreadPoolExecutor", "Timer", "create_task", "ensure_future", "TaskGroup"}

# By module: what it starts, and who gets its errors.
KNOWN = {
    "stockroom/activities/activities.py": {"Thread", "create_task"},  # the activities themselves
    "stockroom/accounts/passwords.py": {"ThreadPoolExecutor"},  # who asks for a password to be checked
    "stockroom/db/greenlets.py": {"create_task"},  # who makes the call
    "stockroom/db/threads.py": {"Thread"},  # who makes the call; it is the loop that threads use
    "stockroom/exports/prefetch.py": {"ThreadPoolExecutor"},  # the export
    "stockroom/http/bridge.py": {"ThreadPoolExecutor"},  # the request
    "stockroom/http/streams.py": {"ensure_future"},  # the answer, which looks at it after each piece
    "stockroom/imports/chunks.py": {"create_task"},  # the import, which awaits each chunk
    "stockroom/process/readiness.py": {"create_task"},  # whoever asks meanwhile, of each probe
    "tasks/turns.py": {"Thread"},  # the log, as each task's errors are
    "stockroom/process/launch.py": {"Thread"},  # it tells once that the service answers, and ends
}


def started(path: Path) -> set[str]:
    """What a module starts, by the names of what it calls."""
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
    return names & STARTS


def test_nothing_else_runs_in_the_background() -> None:
    modules = [ROOT / "app.py", ROOT / "gunicorn.conf.py"]
    for room in ("handlers", "stockroom", "tasks", "wiring"):
        modules += (ROOT / room).rglob("*.py")
    found = {str(path.relative_to(ROOT)): started(path) for path in modules}
    assert {name: what for name, what in found.items() if what} == KNOWN


def test_it_is_seen_when_something_is_started(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("import threading\n\ndef f(g):\n    threading.Thread(target=g).start()\n")
    assert started(module) == {"Thread"}
