"""The one error that the command line turns into a message without a traceback."""


class ToolchainError(Exception):
    """Something the user can read and act on."""
