#!/usr/bin/env bash
# Trains on the hosts of a file through Open MPI, with as many processes as they have slots.
# Arguments: another command to run instead.
set -euo pipefail
hosts=${HOSTFILE:-$(dirname "$(realpath "$0")")/hosts}
[ $# -gt 0 ] || set -- npx unet-industrial train --data-dir /data/DAGM2007 --class-id 1 --global-batch-size 16

# A process is not bound to one core: it has threads of its own. Other hosts get no variables but those that -x names: give
# HOROVOD_TIMELINE and others a -x of their own.
exec mpirun --hostfile "$hosts" --bind-to none --map-by slot --tag-output -x PATH -x HOROVOD_TRANSPORT=mpi "$@"
