"""Servers on this machine: a feed of crates that behaves like a private one, real ones for wheels, and Git's."""

import base64
import contextlib
import hashlib
import http.client
import http.server
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import ClassVar

TOKEN = "t" * 84  # as long as a personal access token of Azure DevOps
BASIC = base64.b64encode(f"PAT:{TOKEN}".encode()).decode()


@dataclass
class Feed:
    """A registry of crates that asks for a token everywhere, as a feed of Azure Artifacts does.

    https://doc.rust-lang.org/cargo/reference/registries.html
    """

    port: int = 0
    crates: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, list[str]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    refuse: bool = False  # cut the connection in the middle of an upload
    storage: "Feed | None" = None  # another server, to which it sends those who ask for a crate
    signed: bool = False  # is such a storage, where addresses are signed and credentials refused
    late: int = 0  # how often a crate is asked for before it is there, though the index lists it

    @property
    def url(self) -> str:
        """Return the address of the index."""
        return f"http://127.0.0.1:{self.port}/index/"

    def publish(self, body: bytes) -> int:
        """Take what `cargo publish` sends, and give the status."""
        (length,) = struct.unpack("<I", body[:4])
        metadata = json.loads(body[4 : 4 + length])
        crate = body[8 + length :]
        key = f"{metadata['name']}/{metadata['vers']}"
        if key in self.crates:
            return 409
        dependencies = [
            {
                **{
                    k: v
                    for k, v in dependency.items()
                    if k not in ("version_req", "explicit_name_in_toml")
                },
                "req": dependency["version_req"],
                "name": dependency.get("explicit_name_in_toml") or dependency["name"],
                "package": dependency["name"] if dependency.get("explicit_name_in_toml") else None,
            }
            for dependency in metadata["deps"]
        ]
        entry = {
            "name": metadata["name"],
            "vers": metadata["vers"],
            "deps": dependencies,
            "cksum": hashlib.sha256(crate).hexdigest(),
            "features": metadata["features"],
            "yanked": False,
        }
        self.crates[key] = crate
        self.entries.setdefault(metadata["name"], []).append(json.dumps(entry))
        return 200

    def read(self, path: str) -> bytes | None:
        """Return what stands at an address."""
        if path == "/index/config.json":
            root = f"http://127.0.0.1:{self.port}"
            return json.dumps({"dl": f"{root}/dl", "api": root, "auth-required": True}).encode()
        if path.startswith("/index/"):
            lines = self.entries.get(path.rsplit("/", 1)[-1])
            return "\n".join(lines).encode() if lines else None
        if self.late:
            self.late -= 1
            return None
        return self.crates.get(path.removeprefix("/dl/").removesuffix("/download"))


class Handler(http.server.BaseHTTPRequestHandler):
    """Speaks HTTP for a feed."""

    feed: Feed
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def answer(self, status: int, body: bytes = b"") -> None:
        """Send an answer."""
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="feed"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def allowed(self) -> bool:
        """Return whether the token came with its scheme; refuse otherwise."""
        self.feed.requests.append(f"{self.command} {self.path}")
        given = self.headers.get("Authorization", "")
        if self.feed.signed:
            if not given:
                return True
            self.answer(400)
            return False
        if given in (f"Basic {BASIC}", f"Bearer {TOKEN}"):
            return True
        self.answer(401)
        return False

    def do_GET(self) -> None:  # the name that http.server calls
        """Serve the index and the crates."""
        storage = self.feed.storage
        if not self.allowed():
            return
        if storage and self.path.startswith("/dl/"):
            self.send_response(303)
            self.send_header("Location", f"http://127.0.0.1:{storage.port}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            body = self.feed.read(self.path)
            self.answer(404 if body is None else 200, body or b"")

    def do_PUT(self) -> None:  # the name that http.server calls
        """Take a crate."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.allowed():
            return
        if self.feed.refuse:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status = self.feed.publish(body)
        right = '{"warnings": {"invalid_categories": [], "invalid_badges": [], "other": []}}'
        wrong = '{"errors": [{"detail": "this version exists already"}]}'
        self.answer(status, (right if status == 200 else wrong).encode())


@contextlib.contextmanager
def serve_http(
    handler: Callable[..., http.server.BaseHTTPRequestHandler], port: int = 0
) -> Iterator[int]:
    """Answer requests on this machine, and say at which port."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Mirror(http.server.BaseHTTPRequestHandler):
    """The indexes of PyPI and crates.io, as a closed network has them; it remembers what it was asked for."""

    sources: tuple[tuple[str, str], ...] = (
        ("/pypi/", "https://pypi.org/"),
        ("/cargo/index/", "https://index.crates.io/"),
    )
    kind = ""  # of the pages; by default what is asked for
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:  # the name that http.server calls
        """Pass a page of an index on."""
        self.asked.append(self.path)
        ((ours, theirs),) = (pair for pair in self.sources if self.path.startswith(pair[0]))
        kind = self.kind or self.headers["Accept"] or "*/*"
        address = f"{theirs}{self.path.removeprefix(ours)}"
        request = urllib.request.Request(address, headers={"Accept": kind})
        try:
            with urllib.request.urlopen(request) as response:
                page, kind = response.read(), response.headers["Content-Type"]
        except urllib.error.HTTPError as missing:
            self.send_error(missing.code)
            return
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


class MirrorWithoutDates(Mirror):
    """PyPI's pages in HTML, which have no upload dates, as those of many mirrors."""

    sources = (("/", "https://pypi.org/"),)
    kind = "text/html"


@contextlib.contextmanager
def serve(feed: Feed) -> Iterator[Feed]:
    """Run a feed on this machine, at the same port again if it had one."""
    with serve_http(type("FeedHandler", (Handler,), {"feed": feed}), feed.port) as feed.port:
        yield feed


class GitHandler(http.server.BaseHTTPRequestHandler):
    """Speaks HTTP for Git, as a host does: https://git-scm.com/docs/git-http-backend."""

    folder: Path
    private: bool

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def allowed(self) -> bool:
        """Return whether the token came as the password, whatever the user's name."""
        given = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic "))
        return not self.private or given.endswith(f":{TOKEN}".encode())

    def do_GET(self) -> None:  # the name that http.server calls
        """Let Git answer, if the token came."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.allowed():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        env = {
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_USER": "somebody",  # Git takes no push from people without a name
            "REQUEST_METHOD": self.command,
        }
        command = ["git", "http-backend"]
        output = subprocess.check_output(command, input=body, env={**os.environ, **env})
        answer = BytesIO(output)
        headers = http.client.parse_headers(answer)
        self.send_response(int(headers.get("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.read())

    def do_POST(self) -> None:  # the name that http.server calls
        """Let Git answer to what was sent."""
        self.do_GET()


@contextlib.contextmanager
def serve_git(folder: Path, *, private: bool) -> Iterator[str]:
    """Serve the Git repositories in a folder, private ones with TOKEN only, and give the address."""
    handler = type("FolderHandler", (GitHandler,), {"folder": folder, "private": private})
    with serve_http(handler) as port:
        yield f"http://127.0.0.1:{port}"


def free_port() -> int:
    """Find a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: list[str], port: int, log: Path, env: Mapping[str, str] = os.environ
) -> Iterator[None]:
    """Run a server until its port answers, and end it afterwards by its process id."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env)
        try:
            for _ in range(300):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(20)


@dataclass
class Index:
    """A real package index in a folder of its own."""

    folder: Path
    port: int
    url: str
    upload: str
    user: str = "somebody"
    password: str = TOKEN

    @property
    def credentials(self) -> dict[str, str]:
        """Return what uv reads from the environment."""
        return {
            "UV_INDEX_PRIVATE_USERNAME": self.user,
            "UV_INDEX_PRIVATE_PASSWORD": self.password,
        }

    @property
    def with_credentials(self) -> str:
        """Return the address as a consumer would use it."""
        return self.url.replace("http://", f"http://{self.user}:{self.password}@")

    def log(self) -> str:
        """Return what the server printed."""
        return (self.folder / "log").read_text("utf-8")


def pypiserver(folder: Path, port: int = 0) -> Index:
    """Prepare a pypiserver that asks for a password on reads as well, as a feed does."""
    port = port or free_port()
    (folder / "packages").mkdir(parents=True, exist_ok=True)
    digest = base64.b64encode(hashlib.sha1(TOKEN.encode(), usedforsecurity=False).digest()).decode()
    lines = [f"{user}:{{SHA}}{digest}\n" for user in ("somebody", "PAT")]
    (folder / "htpasswd").write_text("".join(lines))
    root = f"http://127.0.0.1:{port}"
    return Index(folder, port, f"{root}/simple/", f"{root}/")


@contextlib.contextmanager
def serve_text(port: int, reply: str) -> Iterator[list[str]]:
    """Answer each request with a text, but for a page to sign in, and collect the requests."""
    requests: list[str] = []
    with socket.create_server(("127.0.0.1", port)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):  # the server is closed at the end
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(OSError):
                        requests.append(connection.recv(65536).decode("latin-1"))
                        text = "200 OK\r\n\r\nSign in" if "/login" in requests[-1] else reply
                        connection.sendall(f"HTTP/1.1 {text.format(port=port)}".encode("latin-1"))

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield requests
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@contextlib.contextmanager
def serve_index(index: Index, *, checksums: bool = True) -> Iterator[Index]:
    """Run it."""
    program = str(Path(sys.executable).parent / "pypi-server")
    options = ["-i", "127.0.0.1", "-p", str(index.port), "-a", "update,download,list"]
    options += ["-P", str(index.folder / "htpasswd"), "--disable-fallback"]
    options += ["--hash-algo", "sha256" if checksums else "off"]
    command = [program, "run", "-v", *options, str(index.folder / "packages")]
    with running(command, index.port, index.folder / "log"):
        yield index


@contextlib.contextmanager
def serve_devpi(folder: Path) -> Iterator[Index]:
    """Run a devpi, which takes the same file twice and refuses another one, as PyPI does."""
    port = free_port()
    programs = Path(sys.executable).parent
    server = ["--serverdir", str(folder / "server")]
    subprocess.run(
        [programs / "devpi-init", *server, "--no-root-pypi", "--root-passwd", TOKEN],
        check=True,
        capture_output=True,
    )
    root, user = f"http://127.0.0.1:{port}", "root"
    command = [str(programs / "devpi-server"), *server, "--host=127.0.0.1", f"--port={port}"]
    with running(command, port, folder / "log"):
        basic = base64.b64encode(f"root:{TOKEN}".encode()).decode()
        request = urllib.request.Request(
            f"{root}/{user}/release",
            json.dumps({"bases": [], "type": "stage", "volatile": False}).encode(),
            {"Content-Type": "application/json", "X-Devpi-Auth": basic},
            method="PUT",
        )
        login = json.dumps({"user": "root", "password": TOKEN}).encode()
        token = json.loads(
            urllib.request.urlopen(
                urllib.request.Request(
                    f"{root}/+login", login, {"Content-Type": "application/json"}
                )
            ).read()
        )["result"]["password"]
        request.headers["X-devpi-auth"] = base64.b64encode(f"root:{token}".encode()).decode()
        urllib.request.urlopen(request)
        url = f"{root}/{user}/release/"
        yield Index(folder, port, f"{url}+simple/", url, "root", TOKEN)
    shutil.rmtree(folder / "server")
