"""Who belongs to an etcd cluster, as its machines read it.

It travels with their keys and not in their user data, so growing or shrinking a cluster, or
dropping its first key, replaces no machine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from config.topology import Member

# Below the machines' folder of keys and certificates.
DECLARED_FILE = "etcd/declared.json"


def declared(voters: Sequence[Member]) -> str:
    """The file's content. The first voter alone may found the cluster: two would found one each."""
    content = {
        "founder": voters[0].name,
        "voters": {member.name: str(member.address) for member in voters},
        "learner": None,
    }
    return json.dumps(content, indent=1, sort_keys=True)
