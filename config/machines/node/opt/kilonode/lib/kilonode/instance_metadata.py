"""What pods of the cluster's own may learn from Azure's metadata service: the machine's
description, and never its identity.

An HTTP proxy on loopback, for programs that know the service's address alone and take a proxy from
their environment. It passes on two documents, which hold nothing secret, and nothing else.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.parse import urlsplit

from kilonode import web

ADDRESS = ("127.0.0.1", 10270)

_SERVICE = "169.254.169.254"
# What cloud-node-manager reads. Compared as a whole, so that no path leads out of them.
_DOCUMENTS = ("/metadata/instance", "/metadata/loadbalancer")


class Proxy(BaseHTTPRequestHandler):
    # Who connects and then says nothing holds a thread.
    timeout = 10

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.netloc != _SERVICE or asked.path not in _DOCUMENTS:
            self.send_error(403, "only the machine's description")
            return
        # A browser or a redirected request does not send it: Azure's own guard.
        if self.headers.get("Metadata", "").lower() != "true":
            self.send_error(400, "Metadata: true is missing")
            return
        try:
            body = web.send(f"http://{_SERVICE}{asked.path}?{asked.query}", {"Metadata": "true"})
        except HTTPError as error:
            self.send_error(error.code)
        except web.ERRORS:
            self.send_error(502)
        else:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Errors have reached the asker; the journal keeps nothing."""


def main() -> None:
    ThreadingHTTPServer(ADDRESS, Proxy).serve_forever()


if __name__ == "__main__":
    main()
