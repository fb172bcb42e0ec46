"""config/artifacts.yaml: complete, well formed, and what the recipes build."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from toolchain import recipe, spec
from toolchain.errors import ToolchainError

TOP = Path(__file__).resolve().parents[2]


def test_every_role_installs_what_it_runs() -> None:
    installed: dict[str, set[str]] = {role: set() for role in spec.ROLES}
    for what in spec.load().artifacts.values():
        for role in what.roles:
            paths = set(what.install.values())
            assert not paths & installed[role], f"{role}: two artifacts install {paths}"
            installed[role] |= paths
    networked = {"kubelet", "kube-proxy", "cri-dockerd", "flanneld"}
    control = {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"}
    plugins = {f"/opt/cni/bin/{x}" for x in ("bridge", "host-local", "loopback", "portmap")}
    clients = {"etcdctl", "etcdutl"}

    def at(names: set[str]) -> set[str]:
        return {f"/opt/kilonode/bin/{name}" for name in names}

    assert installed["etcd"] == at({"etcd"} | clients)
    assert installed["master"] == at(networked | control | clients) | plugins
    assert installed["node"] == at(networked) | plugins


def test_every_recipe_is_pinned_to_the_version_in_the_list() -> None:
    loaded = spec.load()
    for what in {**loaded.artifacts, **loaded.tools, **loaded.tests}.values():
        plan = recipe.read(TOP / what.recipe)
        plan.check(what.version)
        assert (plan.folder / "go.sum").is_file(), f"{what.name}: sources without hashes"
        if what.released_in is None and what.name != "pulumi":
            assert set(what.provides.values()) <= set(plan.outputs), what.name
    host = recipe.read(TOP / loaded.tools["pulumi-language-python"].recipe)
    engine = recipe.read(TOP / loaded.tools["pulumi"].recipe)
    built = {*host.outputs, *engine.outputs}
    assert built == set(loaded.tools["pulumi"].provides.values())


def test_all_kubernetes_programs_are_of_one_version() -> None:
    loaded = spec.load()
    programs = [a for a in loaded.artifacts.values() if a.recipe.endswith("/kubernetes")]
    assert len(programs) == 6
    assert len({a.version for a in programs}) == 1
    staging = f"v0.{programs[0].version.removeprefix('v1.')}"
    replaced = (TOP / programs[0].recipe / "go.mod").read_text()
    lines = [line for line in replaced.splitlines() if " => k8s.io/" in line]
    assert len(lines) > 25
    assert all(line.endswith(staging) for line in lines), "a staging module of another release"


def test_the_load_on_etcd_speaks_as_etcd_does() -> None:
    loaded = spec.load()
    assert loaded.tests["etcd-load"].version == loaded.artifacts["etcd"].version


def test_images_carry_the_version_of_the_program_inside() -> None:
    loaded = spec.load()
    assert {"pause", "coredns", "metrics-server", "prometheus", "testbox"} <= set(loaded.images)
    for name in ("coredns", "metrics-server"):
        assert loaded.images[name].endswith(f":{loaded.tools[name].version}")
    # Prometheus' module is v0.315.0 where Prometheus is 3.15.0.
    module = re.fullmatch(r"v0\.(\d)(\d\d)\.(\d+)", loaded.tools["prometheus"].version)
    assert module
    release = ".".join(str(int(part)) for part in module.groups())
    assert loaded.images["prometheus"].endswith(f":v{release}")


def test_all_errors_of_the_list_are_told_at_once(tmp_path: Path) -> None:
    bad = tmp_path / "artifacts.yaml"
    bad.write_text(
        "artifacts:\n"
        "  kubelet: {version: v1.0.0, url: 'http://x/v1.0.1/kubelet', sha256: abc, build: b,\n"
        "            colour: red, roles: [worker], install: {other: relative}}\n"
        "images: {}\n"
        "tools: {}\n"
        "tests: {}\n"
        "go: {minimum: 1.0.0, pypi: {version: 1.0.0, sha256: x}}\n"
    )
    with pytest.raises(ToolchainError) as refused:
        spec.load(bad)
    for part in (
        *("unknown key colour", "'abc' is not a SHA-256", "is not https", "not of version v1.0.0"),
        *("roles ['worker']", "other is not in its `provides`", "relative is not an absolute"),
    ):
        assert part in str(refused.value)
