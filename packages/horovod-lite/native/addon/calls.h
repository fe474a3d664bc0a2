// Every function that JavaScript sees; src/transports/native.ts has their types.
#pragma once
#include <node_api.h>

#define CALLS(X)                                                                                             \
  X(addressOf) X(reduce) X(reducePortable)                                                                   \
  X(shmOpen) X(shmName) X(shmSeal) X(shmLend) X(shmBorrow) X(shmClose) X(shmLeft) X(shmMeet)                 \
  X(shmAllreduce) X(shmBroadcast) X(shmAllgather) X(shmAlltoall) X(shmProceed)                               \
  X(tcpPass) X(tcpBegin) X(tcpProceed) X(tcpLimitSilence)                                                    \
  X(mpiFind) X(mpiStart) X(mpiLeave) X(mpiAllreduce) X(mpiBroadcast) X(mpiAllgather) X(mpiAlltoall)

#define DECLARE_CALL(name) napi_value call_##name(napi_env env, napi_callback_info info);
CALLS(DECLARE_CALL)
