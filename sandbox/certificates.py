"""A certificate authority that lives as long as the pretend tenant."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Authority:
    """Issues one certificate for loopback; `bundle` is the file that makes others trust it."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.bundle = folder / "authority.pem"
        authority.cert_pem.write_to_path(str(self.bundle))
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(self.server)
        self.client = ssl.create_default_context(cafile=str(self.bundle))
