"""Real etcd members without a disk to wait for: what they decide is the question, not how fast."""

from tests.unit.conftest import azure, programs, store

__all__ = ["azure", "programs", "store"]
