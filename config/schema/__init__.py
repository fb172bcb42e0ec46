"""The shape of a stack file: every key, its type, default and meaning."""
