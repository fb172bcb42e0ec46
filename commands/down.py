"""make down: destroy the local stack and leave nothing of it on this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys

from commands.local_stack import RUN, STATE, attached_engine, exclusive
from commands.recovery import recover
from local_azure.arm.store import Store


def destroy() -> None:
    """Let the engine destroy what it knows, in its own order, if it ever came to that."""
    if not (STATE / "pulumi" / "Pulumi.local.yaml").exists():
        return
    subprocess.run([sys.executable, "-m", "local_azure", "up-daemon"], check=True)
    engine = attached_engine()
    engine.prepare()
    recover(engine, Store(STATE / "azure"))
    # Scale sets are protected from updates, and so from a destroy that was not announced.
    engine.run("state", "unprotect", "--all", "--yes")
    engine.run("destroy", "--yes", "--skip-preview")


def main() -> None:
    failed = False
    with exclusive():
        try:
            destroy()
        except subprocess.CalledProcessError:
            # The machines end all the same; what failed is on the screen and in the exit code.
            failed = True
        subprocess.run([sys.executable, "-m", "local_azure", "down"], check=True)
        shutil.rmtree(STATE, ignore_errors=True)
        shutil.rmtree(RUN, ignore_errors=True)
    if failed:
        sys.exit("kilonode: `pulumi destroy` failed; the machines were ended without it")


if __name__ == "__main__":
    main()
