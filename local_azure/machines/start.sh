#!/bin/sh
# Starts a machine: start.sh DIRECTORY LOWER CGROUP… -- systemd-nspawn's arguments.
# Returns when the starter is in its cgroups, so that from then on those tell whether it lives.
set -eu

directory=$1 lower=$2
shift 2
while [ "$1" != -- ]; do
    echo $$ >"$1/cgroup.procs"
    shift
done
shift
# A session of its own: a machine outlives the daemon and the verb that started it. And mounts of
# its own, so that none is left on the host when it ends.
exec setsid --fork unshare --mount --propagation=private \
    "$(dirname "$0")/boot.sh" "$directory" "$lower" "$@"
