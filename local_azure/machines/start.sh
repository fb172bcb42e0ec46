#!/bin/sh
# Becomes a machine: start.sh DIRECTORY LOWER CGROUP… -- systemd-nspawn's arguments.
# Runs in a mount namespace of its own, so that no mount is left on the host when the machine ends.
set -eu

directory=$1 lower=$2
shift 2
while [ "$1" != -- ]; do
    echo $$ >"$1/cgroup.procs"
    shift
done
shift
mount -t overlay overlay "$directory/root" \
    -o "lowerdir=$lower,upperdir=$directory/upper,workdir=$directory/work"
exec systemd-nspawn --directory="$directory/root" "$@"
