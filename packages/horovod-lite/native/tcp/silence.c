#include "silence.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

static void set(int descriptor, int level, int option, int value) {
  setsockopt(descriptor, level, option, &value, sizeof value); // where the system has it not: as before
}

void limit_silence(int descriptor, int seconds) {
  if (seconds < 1) seconds = 1; // the system's 0 is "never"
  const int idle = seconds > 1 ? seconds / 2 : 1; // then it is probed each second, and answers or is gone
  set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef __linux__
  set(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, idle);
  set(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, 1);
  set(descriptor, IPPROTO_TCP, TCP_KEEPCNT, seconds - idle > 0 ? seconds - idle : 1);
  set(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, seconds * 1000);
#else
  set(descriptor, IPPROTO_TCP, TCP_KEEPALIVE, idle);
  set(descriptor, IPPROTO_TCP, TCP_RXT_CONNDROPTIME, seconds);
#endif
}
