#!/bin/sh
# Becomes a machine: boot.sh DIRECTORY LOWER and systemd-nspawn's arguments.
set -eu

directory=$1 lower=$2
shift 2
mount -t overlay overlay "$directory/root" \
    -o "lowerdir=$lower,upperdir=$directory/upper,workdir=$directory/work"
exec systemd-nspawn --directory="$directory/root" "$@"
