"""Every role's machine files, for people and for diffs, without Pulumi's engine.

    python -m config.render --stack STACK --out DIR

DIR/ROLE/PATH is the file PATH of the role's machines: etcd, events, master, and node-POOL for each
node pool. Shown is the first machine of each: others of the same role have the same files.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from config.environment import machine_user_data
from config.schema.stack import Settings
from config.settings import SettingsError, of_stack, warnings
from config.stack_file import StackFileError
from config.topology import Member, NodeSet, topology
from config.user_data import MachineFile, decode


def machine_files(settings: Settings) -> dict[str, dict[str, MachineFile]]:
    """The decoded user data of each role, by role and path."""
    plan = topology(settings)
    shown: dict[str, Member | NodeSet] = {}
    for machine in plan.machines:
        name = f"node-{machine.pool}" if isinstance(machine, NodeSet) else machine.role
        shown.setdefault(name, machine)
    return {
        name: decode(machine_user_data(settings, plan, machine).encoded)
        for name, machine in shown.items()
    }


def write(files: dict[str, dict[str, MachineFile]], out: Path) -> None:
    """Write them below `out`. Raises FileExistsError where there is something already."""
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty; name a new folder, so that no old file stays")
    for role, machine in files.items():
        for path, file in machine.items():
            target = out / role / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(file.content)
            target.chmod(file.mode)


def main() -> None:
    parser = argparse.ArgumentParser(prog="config.render", description=__doc__.splitlines()[0])
    parser.add_argument("--stack", required=True)
    parser.add_argument("--out", required=True, type=Path)
    arguments = parser.parse_args()
    try:
        settings = of_stack(arguments.stack)
        for text in warnings(settings):
            print(f"warning: {text}", file=sys.stderr)
        files = machine_files(settings)
        write(files, arguments.out)
    except (StackFileError, SettingsError, OSError) as error:
        sys.exit(f"kilonode: {error}")
    print(f"{sum(map(len, files.values()))} files of {', '.join(files)} in {arguments.out}")


if __name__ == "__main__":
    main()
