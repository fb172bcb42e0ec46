"""A Kubernetes API, reached with the certificates of a kubeconfig."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from typing import Any

import yaml

from local_azure.arm.shapes import Properties
from local_azure.providers.kubernetes import NotReadyError, UnreachableError

_REQUEST_SECONDS = 30
# As long as the real plugin waits.
_READY_SECONDS = 600
_GONE_SECONDS = 300
_FIELD_MANAGER = "pulumi"


class Live:
    """kubeconfig: its text, with certificates inside; its current context counts."""

    def __init__(self, kubeconfig: str) -> None:
        content = yaml.safe_load(kubeconfig)
        contexts = {each["name"]: each["context"] for each in content["contexts"]}
        context = contexts[content["current-context"]]
        cluster = _named(content["clusters"], context["cluster"])["cluster"]
        user = _named(content["users"], context["user"])["user"]
        self._server = cluster["server"]
        tls = ssl.create_default_context(cadata=_text(cluster["certificate-authority-data"]))
        with tempfile.NamedTemporaryFile("w") as pair:
            pair.write(_text(user["client-certificate-data"]) + _text(user["client-key-data"]))
            pair.flush()
            tls.load_cert_chain(pair.name)
        # The API is never behind a proxy that the environment names.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)
        )

    def reachable(self) -> bool:
        try:
            self._call("GET", "/version")
        except UnreachableError:
            return False
        return True

    def apply(self, body: Properties) -> Properties:
        query = f"?fieldManager={_FIELD_MANAGER}&fieldValidation=Strict"
        live = self._call("PATCH", self._path(body) + query, body)
        assert live is not None, f"{body['kind']} {body['metadata']['name']}: not found"
        return self._ready(live) if _awaited(body) else live

    def get(self, body: Properties) -> Properties | None:
        return self._call("GET", self._path(body))

    def delete(self, body: Properties) -> None:
        path = self._path(body)
        self._call("DELETE", f"{path}?propagationPolicy=Foreground")
        end = time.monotonic() + _GONE_SECONDS
        while self._call("GET", path) is not None:
            if time.monotonic() > end:
                raise TimeoutError(f"{path} is still there after {_GONE_SECONDS} s")
            time.sleep(1)

    def _ready(self, live: Properties) -> Properties:
        """The Deployment once all its replicas are new and available."""
        end = time.monotonic() + _READY_SECONDS
        while True:
            status, wanted = live.get("status", {}), live["spec"].get("replicas", 1)
            counts = [status.get(f"{name}Replicas", 0) for name in ("updated", "available")]
            seen = status.get("observedGeneration", 0) >= live["metadata"]["generation"]
            if seen and counts == [wanted, wanted] and status.get("replicas", 0) == wanted:
                return live
            if time.monotonic() > end:
                why = "; ".join(each.get("message", "") for each in status.get("conditions", []))
                name = live["metadata"]["name"]
                raise NotReadyError(
                    live,
                    f"Deployment {name}: {counts[1]} of {wanted} replicas available after "
                    f"{_READY_SECONDS} s. {why}",
                )
            time.sleep(1)
            live = self.get(live) or live

    def _path(self, body: Properties) -> str:
        version, kind, metadata = body["apiVersion"], body["kind"], body["metadata"]
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        known = (self._call("GET", base) or {}).get("resources", [])
        found = [each for each in known if each["kind"] == kind and "/" not in each["name"]]
        if not found:
            raise LookupError(f"the API knows no {kind} in {version}")
        inside = f"/namespaces/{metadata.get('namespace', 'default')}"
        place = inside if found[0]["namespaced"] else ""
        return f"{base}{place}/{found[0]['name']}/{metadata['name']}"

    def _call(self, method: str, path: str, body: Properties | None = None) -> Properties | None:
        """The answer, None if there is no such object."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/apply-patch+yaml"} if data else {}
        request = urllib.request.Request(self._server + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=_REQUEST_SECONDS) as response:
                return _object(json.load(response))
        except urllib.error.HTTPError as error:
            answer = error.read().decode(errors="replace")
            if error.code == 404 and method != "PATCH":
                return None
            raise RuntimeError(f"{method} {path}: {error.code} {_message(answer)}") from error
        except OSError as error:
            raise UnreachableError(f"{self._server} does not answer: {error}") from error


def _awaited(body: Properties) -> bool:
    """The real plugin waits for more kinds, and as here not where an annotation says so."""
    said = body["metadata"].get("annotations", {}).get("pulumi.com/skipAwait")
    return bool(body["kind"] == "Deployment" and said != "true")


def _object(live: Properties) -> Properties:
    """Without the book-keeping of server-side apply, which changes with every write."""
    live.get("metadata", {}).pop("managedFields", None)
    return live


def _message(answer: str) -> str:
    try:
        return str(json.loads(answer)["message"])
    except (ValueError, KeyError, TypeError):
        return answer


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
