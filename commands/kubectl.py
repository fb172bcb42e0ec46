"""make kubectl ARGS="…": kubectl against the local cluster."""

from __future__ import annotations

import os
import sys

from commands.local_stack import KUBECONFIG, in_fabric
from commands.tools import toolchain


def main() -> None:
    if not KUBECONFIG.exists():
        sys.exit("kilonode: there is no local cluster; `make up` boots one")
    kubectl = f"{toolchain('bin')}/kubectl"
    command = in_fabric(kubectl, "--kubeconfig", str(KUBECONFIG), *sys.argv[1:])
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
