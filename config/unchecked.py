"""A stack's artifacts that no checksum is known of, as a JSON list.

python -m config.unchecked --stack STACK
"""

from __future__ import annotations

import argparse
import json
import sys

from config.checks.artifacts import unchecked
from config.settings import SettingsError, of_stack
from config.stack_file import StackFileError


def main() -> None:
    parser = argparse.ArgumentParser(prog="config.unchecked", description=__doc__.splitlines()[0])
    parser.add_argument("--stack", required=True)
    try:
        settings = of_stack(parser.parse_args().stack)
    except (StackFileError, SettingsError) as error:
        sys.exit(f"kilonode: {error}")
    print(json.dumps(unchecked(settings)))


if __name__ == "__main__":
    main()
