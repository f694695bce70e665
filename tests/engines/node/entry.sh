#!/bin/sh
# The first process of a node: gives systemd the part of the control groups that is its own, and becomes it.
# MACHINE_ID, 32 hex digits, is the machine's identity; one is drawn where it is absent.
set -e
echo "${MACHINE_ID:-$(tr -d - </proc/sys/kernel/random/uuid)}" >/etc/machine-id
groups=/sys/fs/cgroup
[ ! -d $groups/systemd ] || groups=$groups/systemd # version 1 of control groups
mount -o remount,bind,rw $groups
exec /lib/systemd/systemd --unit=multi-user.target --show-status=no --log-level=warning --log-target=console
