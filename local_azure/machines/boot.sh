#!/bin/sh
# Becomes a machine: boot.sh DIRECTORY LOWER and systemd-nspawn's arguments.
set -eu

directory=$1 lower=$2
shift 2
mount -t overlay overlay "$directory/root" \
    -o "lowerdir=$lower,upperdir=$directory/upper,workdir=$directory/work"
# A machine that reboots ends its starter with 133 (EXIT_FORCE_RESTART), for systemd to do the rest.
code=133
while [ "$code" -eq 133 ]; do
    code=0
    systemd-nspawn --directory="$directory/root" "$@" || code=$?
done
exit "$code"
