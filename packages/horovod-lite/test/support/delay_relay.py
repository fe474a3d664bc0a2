"""Carries packets between two network namespaces and holds each for a while: the delay of a long line.

   delay_relay.py MILLISECONDS NAMESPACE ADDRESS/PREFIX NAMESPACE ADDRESS/PREFIX

A TUN device in each namespace; prints "ready" when both are up. Ends when its input ends."""
import ctypes
import fcntl
import heapq
import os
import select
import struct
import subprocess
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 1, 0x1000, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def enter(path):
    file = os.open(path, os.O_RDONLY)
    if libc.setns(file, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns " + path)
    os.close(file)


def device(namespace, address):
    enter("/run/netns/" + namespace)
    file = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH", b"delayed", IFF_TUN | IFF_NO_PI))
    subprocess.check_call(["ip", "address", "add", address, "dev", "delayed"])
    subprocess.check_call(["ip", "link", "set", "delayed", "up"])
    return file


delay = float(sys.argv[1]) / 1000
ends = [device(*sys.argv[2:4]), device(*sys.argv[4:6])]
other = {ends[0]: ends[1], ends[1]: ends[0]}
waiting, count = [], 0
print("ready", flush=True)
while True:
    now = time.monotonic()
    while waiting and waiting[0][0] <= now:
        _, _, to, packet = heapq.heappop(waiting)
        os.write(to, packet)
    readable, _, _ = select.select(ends + [0], [], [], max(0, waiting[0][0] - now) if waiting else None)
    if 0 in readable and not os.read(0, 1):
        break
    for file in readable:
        if file in other:
            heapq.heappush(waiting, (time.monotonic() + delay, count, other[file], os.read(file, 65536)))
            count += 1
