#!/usr/bin/env bash
# Trains on the hosts of a file, reached by ssh, with as many processes as they have slots.
# Arguments: another command to run instead.
set -euo pipefail
hosts=${HOSTFILE:-$(dirname "$(realpath "$0")")/hosts}
[ $# -gt 0 ] || set -- npx unet-industrial train --data-dir /data/DAGM2007 --class-id 1 --global-batch-size 16

exec npx hvdrun --hostfile "$hosts" --output-filename logs "$@"
