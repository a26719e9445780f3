"""What somebody wants of a service: logs in, imports items and finds them. It runs where the service runs.

`python errand.py http://127.0.0.1:8000 name < file`: the first line of the file is the password of this name,
the others are the items.
"""

import json
import sys
import time

import httpx2

PATIENCE = 60.0


def main(url: str, name: str) -> None:
    password, _, items = sys.stdin.read().partition("\n")
    with httpx2.Client(base_url=url, timeout=PATIENCE) as client:
        login = client.post("/login", data={"username": name, "password": password}).raise_for_status()
        client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"
        imported = client.post(
            "/imports?kind=items", content=items.encode(), headers={"Content-Type": "text/csv"}
        )
        task = imported.raise_for_status().json()
        deadline = time.monotonic() + PATIENCE
        while task["state"] in {"queued", "running"}:
            assert time.monotonic() < deadline, task
            time.sleep(0.1)
            task = client.get(f"/tasks/{task['id']}").raise_for_status().json()
        found = client.get("/items").raise_for_status().json()["total"]
    sys.stdout.write(json.dumps({"state": task["state"], "items": found}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
