"""What this machine's programs tell Prometheus: each writes a file, one server serves them all.

The programs come and go, so none of them could be asked itself.
"""

from __future__ import annotations

import http.server
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from kilonode.machine import write_atomically

FOLDER = Path("/run/kilonode/metrics")
PORT = 2384
# Of Prometheus' text format.
_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Sample:
    """A value of the metric `name`. What ends in _total is a counter, all else a gauge."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def write(program: str, samples: Iterable[Sample], folder: Path = FOLDER) -> None:
    """Replaces all that `program` told before. No other program may use the same metrics."""
    metrics: dict[str, list[Sample]] = {}
    for sample in samples:
        metrics.setdefault(sample.name, []).append(sample)
    text = "".join(_lines(name, values) for name, values in metrics.items())
    write_atomically(folder / f"{program}.prom", text.encode(), 0o644)


def read(folder: Path = FOLDER) -> bytes:
    """What all programs told, as Prometheus reads it."""
    return b"".join(file.read_bytes() for file in sorted(folder.glob("*.prom")))


def server(address: str, port: int = PORT, folder: Path = FOLDER) -> http.server.HTTPServer:
    """Answers at /metrics. Raises OSError if it cannot listen there."""

    class Handler(http.server.BaseHTTPRequestHandler):
        # Whoever connects and says nothing is not waited for.
        timeout = 10

        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            body = read(folder)
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", _TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """A line each quarter of a minute would fill the journal."""

    return http.server.ThreadingHTTPServer((address, port), Handler)


def _lines(name: str, samples: Iterable[Sample]) -> str:
    kind = "counter" if name.endswith("_total") else "gauge"
    lines = [f"# TYPE {name} {kind}"]
    lines += [f"{name}{_labels(sample.labels)} {sample.value!r}" for sample in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def main() -> None:
    # On every address: the security rules of the machine's subnet say who reaches it.
    server("").serve_forever()


if __name__ == "__main__":
    main()
