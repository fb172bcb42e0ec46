"""The base image of all machines: a Debian that has what a fresh Ubuntu on Azure has.

Kubernetes and etcd are not in it: machines fetch those from the mirror by hash, as on Azure.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from local_azure import paths
from local_azure.shell import CommandError, run

SUITE = "bookworm"
# What Ubuntu's image has, and what the documents' machines run or measure with.
# python3-cffi-backend: debootstrap's resolver misses this dependency of cloud-init.
PACKAGES = (
    "systemd,systemd-sysv,dbus,udev,kmod,util-linux,e2fsprogs,fdisk,gdisk,mdadm,procps,iproute2,"
    "iputils-ping,iptables,nftables,conntrack,ethtool,socat,curl,jq,openssl,ca-certificates,"
    "python3,python3-cffi-backend,cloud-init,docker.io,ipset,haproxy,fio"
)
FILES = Path(__file__).parent / "image_files"
# systemd would start these in a container too, where they have nothing to look after. udev would
# handle the whole host's devices, once in each machine.
MASKED = (
    "systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket "
    "systemd-udev-trigger.service systemd-logind.service console-getty.service getty.target "
    "proc-sys-fs-binfmt_misc.automount sys-kernel-debug.mount sys-kernel-tracing.mount"
)
# A SCSI resource disk's shape after cloud-init's Azure defaults: GPT, one partition, ext4.
DISK_BYTES = 20 << 30
_DISK_RECIPE = f"""
truncate --size={DISK_BYTES} /resource-disk
echo 'start=2048, type=linux' | sfdisk --quiet --label gpt /resource-disk
mkfs.ext4 -q -E offset={2048 * 512} /resource-disk {(DISK_BYTES >> 10) - 2048}k
"""
_HEARTBEAT_SECONDS = 10.0


def key() -> str:
    """Names the image by what it is made of."""
    digest = hashlib.sha256(repr((SUITE, PACKAGES, MASKED, _DISK_RECIPE)).encode())
    for file in _files():
        mode = stat.S_IMODE(file.stat().st_mode)
        digest.update(f"{file.relative_to(FILES)} {mode:o}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def path() -> Path:
    """The image's directory: root/ is the file system, resource-disk a blank local disk."""
    return paths.cache() / "image" / key()


def ensure(say: Callable[[str], None]) -> Path:
    """Build the image unless it is there. An interrupted build starts again."""
    if path().is_dir():
        return path()
    path().parent.mkdir(parents=True, exist_ok=True)
    with (path().parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path().is_dir():
            building = path().with_suffix(".building")
            shutil.rmtree(building, ignore_errors=True)
            _build(building, say)
            building.rename(path())
    return path()


def _build(building: Path, say: Callable[[str], None]) -> None:
    root = building / "root"
    root.mkdir(parents=True)
    _debootstrap(root, say)
    for file in _files():
        target = root / file.relative_to(FILES)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    # Each machine makes up its own.
    (root / "etc/machine-id").write_text("")
    (root / "etc/hostname").unlink(missing_ok=True)
    run("systemctl", f"--root={root}", "preset-all")
    run("systemctl", f"--root={root}", "mask", *MASKED.split())
    run("chroot", root, "sh", "-ec", _DISK_RECIPE)
    (root / "resource-disk").rename(building / "resource-disk")


def _debootstrap(root: Path, say: Callable[[str], None]) -> None:
    debs = paths.cache() / "image" / "debs"
    debs.mkdir(exist_ok=True)
    command = [
        # It dies with this process, and in namespaces of its own all it mounts and starts does too.
        *("setpriv", "--pdeathsig=KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"),
        *("debootstrap", "--variant=minbase", f"--cache-dir={debs}"),
        *(f"--include={PACKAGES}", SUITE, str(root), *_mirror()),
    ]
    log = root.parent / "debootstrap.log"
    shown = 0.0
    with (
        log.open("w") as out,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        for line in process.stdout or ():
            out.write(line)
            if time.monotonic() - shown > _HEARTBEAT_SECONDS:
                shown = time.monotonic()
                say(f"image: {line.strip().removeprefix('I: ')}")
    if process.returncode != 0:
        tail = "".join(log.read_text().splitlines(keepends=True)[-10:])
        raise CommandError(f"debootstrap: exit code {process.returncode}; {log}:\n{tail}")


def _mirror() -> list[str]:
    """The mirror that this host's apt uses; without one, debootstrap's own default."""
    listed = run(
        "apt-get", "indextargets", "--format", "$(RELEASE) $(SITE)", "Created-By: Packages"
    )
    found = [line.split()[1] for line in listed.splitlines() if line.split()[0] == SUITE]
    return found[:1]


def _files() -> list[Path]:
    return sorted(file for file in FILES.rglob("*") if file.is_file())
