"""A real nginx in front of a server, on free ports and without root."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time
from pathlib import Path

from tests.programs import find_program, start_program
from tests.serving import free_port

_MAIN = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  map $http_upgrade $connection_upgrade {{ default upgrade; "" close; }}
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  proxy_http_version 1.1; proxy_read_timeout 1h; client_max_body_size 200m;
  {servers}
}}
"""
# What every recipe for Streamlit has; which host the server is asked under is left to each of them.
PASS_ON = """
proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
"""


class Nginx:
    """A running nginx.

    Args:
        folder: for its files.
        sites: by name, the `location` blocks of a server each; those whose name begins with `tls` speak TLS.
    """

    def __init__(self, folder: Path, sites: dict[str, str]) -> None:
        nginx, self._log = find_program("nginx"), folder / "error.log"
        self.ports = {name: free_port() for name in sites}
        # Its workers may not be root, and must reach its folder.
        folder.chmod(0o755)
        servers = [
            f"server {{ listen 127.0.0.1:{self.ports[name]}{self._tls(folder, name)} {locations} }}"
            for name, locations in sites.items()
        ]
        configuration = folder / "nginx.conf"
        configuration.write_text(_MAIN.format(folder=folder, servers="\n".join(servers)))
        root = "user root;" if os.getuid() == 0 else ""
        command = [nginx, "-e", str(self._log), "-c", str(configuration), "-g", root]
        self._process = start_program(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not all(map(_listens, self.ports.values())):
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, "nginx did not listen"
            time.sleep(0.02)

    @staticmethod
    def _tls(folder: Path, name: str) -> str:
        if not name.startswith("tls"):
            return ";"
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        if not key.exists():
            own = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-nodes"]
            files = ["-keyout", str(key), "-out", str(certificate)]
            command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *own, *files]
            subprocess.run(command, check=True, capture_output=True)
        return f" ssl; ssl_certificate {certificate}; ssl_certificate_key {key};"

    def url(self, name: str, path: str = "") -> str:
        """The address of a site."""
        return f"http{'s' if name.startswith('tls') else ''}://127.0.0.1:{self.ports[name]}{path}"

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(10)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def unverified() -> ssl.SSLContext:
    """For the certificate that nobody has signed."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
