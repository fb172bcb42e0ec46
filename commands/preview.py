"""make preview STACK=…: the real engine's preview of any stack, without a cloud account or root.

The plugins are the local Azure's in plan mode: they know Azure's rules and have no machines.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from commands.engine import Engine
from commands.tools import toolchain
from components.reach import WITHOUT_API
from local_azure.arm.backend import PlanBackend
from local_azure.arm.store import Store
from local_azure.providers import serve as providers
from local_azure.providers.kubernetes import Echo


def plan_engine(stack: str, home: Path) -> Engine:
    """An engine over a local Azure in plan mode, with an empty state below `home`.

    Its plugins are threads of this process: each as a process of its own would take as long to
    start as the program.
    """
    return Engine(
        stack=stack,
        home=home / "pulumi",
        path=[Path(toolchain("bin"))],
        plugins=providers.start(Store(home / "azure"), PlanBackend(), Echo),
        # There is no API that could answer.
        variables={WITHOUT_API: "true"},
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="make preview", description=__doc__)
    parser.add_argument("--stack", required=True)
    options, pulumi_options = parser.parse_known_args()
    toolchain("ensure", "preview")
    with tempfile.TemporaryDirectory(prefix="kilonode-preview-") as home:
        engine = plan_engine(options.stack, Path(home))
        engine.prepare()
        try:
            engine.run("preview", *pulumi_options)
        except subprocess.CalledProcessError as error:
            sys.exit(error.returncode)


if __name__ == "__main__":
    main()
