"""The images of the local registry and what is in them."""

from __future__ import annotations

from pathlib import Path

from toolchain.image import Image
from toolchain.spec import Component, Spec


def own_components(spec: Spec) -> dict[str, Component]:
    """Return this project's own small programs, versioned by their images' tags."""
    return {
        name: Component(
            name=name,
            version=spec.images[name].rpartition(":")[2],
            recipe=f"toolchain/{name}",
        )
        for name in ("pause", "testbox")
    }


def definitions(
    spec: Spec,
    *,
    pause: Path,
    coredns: Path,
    metrics_server: Path,
    prometheus: Path,
    testbox: Path,
) -> dict[str, Image]:
    """Describe each image; users and entry points are those of the official ones."""
    return {
        "pause": Image(
            reference=spec.images["pause"],
            programs={"/pause": pause},
            entrypoint=("/pause",),
            user="65535:65535",
        ),
        "coredns": Image(
            reference=spec.images["coredns"],
            programs={"/coredns": coredns},
            entrypoint=("/coredns",),
            user="65532:65532",
            bind_service=True,
        ),
        "metrics-server": Image(
            reference=spec.images["metrics-server"],
            programs={"/metrics-server": metrics_server},
            entrypoint=("/metrics-server",),
            user="65534:65534",
        ),
        "prometheus": Image(
            reference=spec.images["prometheus"],
            programs={"/bin/prometheus": prometheus},
            entrypoint=("/bin/prometheus",),
            user="65534:65534",
        ),
        "testbox": Image(
            reference=spec.images["testbox"],
            programs={"/testbox": testbox},
            # So that `command: [sleep, "60"]` does what it says.
            links={"/bin/sleep": "/testbox", "/bin/true": "/testbox"},
            entrypoint=("/testbox",),
            user="0:0",
        ),
    }
