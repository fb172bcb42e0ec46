"""Benchmarks: where there are two arms, one run has both, so machine speed cancels out."""

import sys

from commands.engine import TOP

# The machines' programs, where tests have them by pyproject.toml.
sys.path += [str(library) for library in sorted(TOP.glob("config/machines/*/opt/kilonode/lib"))]
