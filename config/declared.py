"""Who belongs to an etcd cluster, as its machines read it.

It travels with their keys and not in their user data, so growing or shrinking a cluster, or
dropping its first key, replaces no machine.
"""

from __future__ import annotations

import json

from config.topology import EtcdCluster

# Below the machines' folder of keys and certificates.
DECLARED_FILE = "etcd/declared.json"


def declared(cluster: EtcdCluster) -> str:
    """The file's content. The first voter alone may found the cluster: two would found one each."""
    voters, learner = cluster.voters, cluster.learner
    content = {
        "founder": voters[0].name,
        "voters": {member.name: str(member.address) for member in voters},
        "learner": {"name": learner.name, "address": str(learner.address)} if learner else None,
    }
    return json.dumps(content, indent=1, sort_keys=True)
