"""Where machines stand in their subnet, as offsets from its first address.

Azure keeps a subnet's first four. A member's place follows from its key's letter alone, so that
all addresses a cluster may ever have are known, and adding a member moves nobody.
"""

from __future__ import annotations

MEMBER_KEYS = "abcdefghi"

API = 9
MASTERS_FIRST = 10
ETCD_FIRST = 10
EVENTS_FIRST = 30
# One durable learner for each cluster, which never takes a voter's place.
ETCD_LEARNER = ETCD_FIRST + len(MEMBER_KEYS)
EVENTS_LEARNER = EVENTS_FIRST + len(MEMBER_KEYS)

MASTERS_LAST = MASTERS_FIRST + len(MEMBER_KEYS) - 1
ETCD_SUBNET_LAST = EVENTS_LEARNER

# In the range of services, which is not a subnet of Azure's.
KUBERNETES_SERVICE = 1
CLUSTER_DNS = 10
