"""A registry that Ollama pulls from, as ollama.com is one, with the models that another Ollama server has.

It speaks TLS with a certificate of its own, as Ollama pulls over nothing else unless told to, and sends who
wants a blob to another host, as Ollama expects: to itself by its other name.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_HOST = "127.0.0.1"
_CHUNK = 1 << 20


class Registry(ThreadingHTTPServer):
    """Serves the folder `models` of an Ollama server."""

    def __init__(self, models: Path, certificate: Path) -> None:
        super().__init__((_HOST, 0), _Handler)
        self.models = models
        self.pause = 0.0
        """Seconds before each MiB of a blob."""
        self.sent_from: list[int] = []
        """Where in a blob each download began."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def name_of(self, model: str) -> str:
        """By which another server pulls a model, such as `lorekeeper/smollm2:135m`."""
        return f"{_HOST}:{self.server_port}/{model}"


class _Handler(BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._serve(body=False)

    def do_GET(self) -> None:
        self._serve(body=True)

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def _serve(self, *, body: bool) -> None:
        if manifest := re.fullmatch(r"/v2/(.+)/manifests/(.+)", self.path):
            name, tag = manifest.groups()
            self._send(next(self.server.models.glob(f"manifests/*/{name}/{tag}")), body=body)
        elif blob := re.fullmatch(r"/v2/.+/blobs/sha256:(\w+)", self.path):
            if body and self.headers["Host"].startswith(_HOST):
                self._redirect()
            else:
                self._send(self.server.models / "blobs" / f"sha256-{blob[1]}", body=body)
        else:
            self.send_error(404)

    def _redirect(self) -> None:
        self.send_response(307)
        self.send_header("Location", f"https://localhost:{self.server.server_port}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, file: Path, *, body: bool) -> None:
        size = file.stat().st_size
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        first, last = (int(wanted[1]), int(wanted[2])) if wanted else (0, size - 1)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if body:
            if wanted:
                self.server.sent_from.append(first)
            self._copy(file, first, last)

    def _copy(self, file: Path, first: int, last: int) -> None:
        with file.open("rb") as content:
            content.seek(first)
            while (left := last + 1 - content.tell()) > 0:
                time.sleep(self.server.pause)
                self.wfile.write(content.read(min(left, _CHUNK)))


@contextmanager
def open_registry(models: Path, folder: Path) -> Iterator[tuple[Registry, Path]]:
    """Run a registry; also give the certificate that who pulls from it must trust."""
    certificate = _certificate(folder)
    with Registry(models, certificate) as registry:
        threading.Thread(target=registry.serve_forever, daemon=True).start()
        yield registry, certificate
        registry.shutdown()


def _certificate(folder: Path) -> Path:
    """A file with a certificate for this machine and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test registry")])
    now = datetime.datetime.now(datetime.UTC)
    hosts = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(_HOST)), x509.DNSName("localhost")]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(hosts, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "registry.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return file
