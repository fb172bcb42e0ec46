"""Pulumi components: one per file, all composed by `components.cluster`."""
