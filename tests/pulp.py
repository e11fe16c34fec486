"""Pulp, a real registry of crates and of wheels.

https://pulpproject.org
"""

import base64
import contextlib
import http.client
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from servers import free_port, running, serve_http

PACKAGES = ("pulpcore==3.114.2", "pulp-python==3.36.4", "pulp-rust==0.0.0")
PASSWORD = "secret"  # of `admin`
TOKEN = "i_understand_that_pulp_rust_does_not_support_proper_auth_yet"  # its own, for every crate

# https://pulpproject.org/pulpcore/docs/admin/reference/settings/
SETTINGS = """
DATABASES = {{
    "default": {{
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": {database},
        "USER": "postgres",
        "NAME": "postgres",
    }}
}}
SECRET_KEY = "secret"
DB_ENCRYPTION_KEY = "{folder}/key"
CONTENT_ORIGIN = CRATES_IO_API_HOSTNAME = PYPI_API_HOSTNAME = "{root}"
DEPLOY_ROOT = "{folder}"
MEDIA_ROOT = WORKING_DIRECTORY = FILE_UPLOAD_TEMP_DIR = "{folder}"
ANALYTICS = False
"""


@dataclass
class Pulp:
    """A running Pulp, and where it is."""

    root: str

    @property
    def index(self) -> str:
        """Return the address that pip reads from."""
        return f"{self.root}/pypi/wheels/simple/"

    @property
    def upload(self) -> str:
        """Return the address that wheels are sent to."""
        return f"{self.root}/pypi/wheels/legacy/"

    @property
    def registry(self) -> str:
        """Return the address of the index of crates."""
        return f"{self.root}/pulp/cargo/crates/"

    def ask(self, path: str, **data: object) -> dict[str, Any]:
        """Ask its interface for something, or send it something."""
        basic = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
        body = json.dumps(data).encode() if data else None
        request = urllib.request.Request(f"{self.root}{path}", body, headers)
        with urllib.request.urlopen(request) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def create(self, kind: str, distribution: str, name: str, **options: object) -> None:
        """Create a repository, and wait for the address under which it is served."""
        api = "/pulp/api/v3"
        repository = self.ask(f"{api}/repositories/{kind}/", name=name)["pulp_href"]
        options |= {"name": name, "base_path": name, "repository": repository}
        task = self.ask(f"{api}/distributions/{distribution}/", **options)["task"]
        for _ in range(100):
            if self.ask(task)["state"] == "completed":
                return
            time.sleep(0.2)
        raise AssertionError(self.ask(task))


class Proxy(http.server.BaseHTTPRequestHandler):
    """Puts the files that Pulp serves, and all else, under one address, as its guide asks for."""

    api: int
    content: int

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def forward(self) -> None:
        """Pass a request on, and its answer back."""
        port = self.content if self.path.startswith("/pulp/content/") else self.api
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()


@contextlib.contextmanager
def serve_postgres(folder: Path) -> Iterator[int]:
    """Run a database of its own: PostgreSQL refuses to run as root."""
    data, port = Path(tempfile.mkdtemp(prefix="postgres-")), free_port()
    user = []
    if os.getuid() == 0:
        shutil.chown(data, "postgres")
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    init = ["initdb", "--no-sync", "--auth=trust", "--username=postgres", str(data)]
    subprocess.run([*user, *init], check=True, capture_output=True)
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    with running(
        [*user, "postgres", "-D", str(data), "-p", str(port), *options], port, folder / "log"
    ):
        yield port
    shutil.rmtree(data)


@contextlib.contextmanager
def serve_pulp(folder: Path) -> Iterator[Pulp]:
    """Install and run it, with a registry of crates and an index of wheels."""
    install = ["uv", "pip", "install", "--quiet", "--no-config", "--python", str(folder / "venv")]
    subprocess.run(
        ["uv", "venv", "--quiet", "--python", sys.executable, folder / "venv"], check=True
    )
    subprocess.run([*install, *PACKAGES], check=True)
    programs, front, api, content = folder / "venv/bin", *(free_port() for _ in range(3))
    (folder / "key").write_bytes(base64.urlsafe_b64encode(os.urandom(32)))
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(serve_postgres(folder))
        settings = SETTINGS.format(
            database=database, folder=folder, root=f"http://127.0.0.1:{front}"
        )
        (folder / "settings.py").write_text(settings, "utf-8")
        env = {**os.environ, "PULP_SETTINGS": str(folder / "settings.py")}
        for arguments in (
            ["migrate", "--noinput"],
            ["reset-admin-password", "--password", PASSWORD],
        ):
            manage = [str(programs / "pulpcore-manager"), *arguments]
            subprocess.run(manage, check=True, capture_output=True, env=env)
        for name, port in (("worker", None), ("content", content), ("api", api)):
            command = [str(programs / f"pulpcore-{name}")]
            command += ["--bind", f"127.0.0.1:{port}"] if port else []
            stack.enter_context(running(command, port or database, folder / "log", env))
        verbs = {f"do_{verb}": Proxy.forward for verb in ("GET", "HEAD", "POST", "PUT")}
        proxy = type("PulpProxy", (Proxy,), {"api": api, "content": content, **verbs})
        stack.enter_context(serve_http(proxy, front))
        pulp = Pulp(f"http://127.0.0.1:{front}")
        pulp.create("python/python", "python/pypi", "wheels")
        pulp.create("rust/rust", "rust/rust", "crates", allow_uploads=True)
        yield pulp
