"""A steady load on the API: run inside the fabric's namespace, prints JSON {made, errors}.

Each request opens a connection of its own, so that every one is spread by the load balancer anew:
a client that kept its connection would not notice a master that is gone.
"""

from __future__ import annotations

import argparse
import base64
import concurrent.futures
import http.client
import itertools
import json
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

CONFIG_MAP = "/api/v1/namespaces/default/configmaps/load"


def client_context(kubeconfig: dict[str, Any]) -> ssl.SSLContext:
    cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
    decoded = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=decoded)
    with tempfile.NamedTemporaryFile() as pair:
        for part in ("client-certificate-data", "client-key-data"):
            pair.write(base64.b64decode(user[part]))
        pair.flush()
        context.load_cert_chain(pair.name)
    return context


def request(address: str, context: ssl.SSLContext, timeout: float, tick: int, write: bool) -> str:
    """One read or write; "" or what went wrong."""
    connection = http.client.HTTPSConnection(address, timeout=timeout, context=context)
    try:
        if write:
            body = json.dumps({"data": {"tick": str(tick)}})
            headers = {"Content-Type": "application/merge-patch+json"}
            connection.request("PATCH", CONFIG_MAP, body, headers)
        else:
            connection.request("GET", CONFIG_MAP)
        response = connection.getresponse()
        text = response.read().decode()
        return "" if response.status == 200 else f"{response.status} {text[:200]}"
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()


def await_end_of_input(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", type=Path, required=True)
    length = parser.add_mutually_exclusive_group(required=True)
    length.add_argument("--seconds", type=int)
    length.add_argument("--until-stdin-ends", action="store_true")
    parser.add_argument("--per-second", type=int, default=5)
    parser.add_argument("--timeout", type=float, default=2.0)
    parser.add_argument("--reads-only", action="store_true")
    options = parser.parse_args()
    kubeconfig = yaml.safe_load(options.kubeconfig.read_text())
    context = client_context(kubeconfig)
    address = kubeconfig["clusters"][0]["cluster"]["server"].removeprefix("https://")
    ended = threading.Event()
    if options.until_stdin_ends:
        threading.Thread(target=await_end_of_input, args=[ended], daemon=True).start()
        ticks: Iterable[int] = itertools.count()
    else:
        ticks = range(options.seconds * options.per_second)
    kinds = (False,) if options.reads_only else (False, True)
    results: list[concurrent.futures.Future[str]] = []
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(max_workers=32) as pool:
        for tick in itertools.takewhile(lambda _: not ended.is_set(), ticks):
            time.sleep(max(0.0, start + tick / options.per_second - time.monotonic()))
            for write in kinds:
                job = pool.submit(request, address, context, options.timeout, tick, write)
                results.append(job)
    errors = [error for job in results if (error := job.result())]
    print(json.dumps({"made": len(results), "errors": errors}))


if __name__ == "__main__":
    main()
