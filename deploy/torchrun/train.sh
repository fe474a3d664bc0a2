#!/usr/bin/env bash
# Trains under torchrun. On several hosts: on each of them, with the same NODES, MASTER (host:port) and HOROVOD_SECRET_KEY.
# Arguments: another command to run instead.
set -euo pipefail
[ $# -gt 0 ] || set -- npx unet-industrial train --data-dir /data/DAGM2007 --class-id 1 --global-batch-size 16
nodes=${NODES:-1}
[ "$nodes" = 1 ] || : "${MASTER:?host:port of the first host}" "${HOROVOD_SECRET_KEY:?the same on every host}"
export HOROVOD_SECRET_KEY=${HOROVOD_SECRET_KEY:-$(od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n')}

exec torchrun --no-python --nnodes "$nodes" --nproc-per-node "${PROCESSES:-2}" \
  --rdzv-backend c10d --rdzv-endpoint "${MASTER:-localhost:0}" --max-restarts 0 "$@"
