#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Run demo.sh and test.sh, each in a fresh minimal Debian 12, as root.  Needs
# debootstrap; packages come from where this system's apt takes them.
#
#	tests/bare-debian.sh [SCRIPT...]

set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || set -- demo.sh test.sh

if [ "$(id -u)" -ne 0 ]; then
	echo "bare-debian.sh needs root, for chroot" >&2
	exit 2
fi
if ! command -v debootstrap >/dev/null; then
	echo "bare-debian.sh needs debootstrap: apt-get install debootstrap" >&2
	exit 2
fi

suite=bookworm
# shellcheck disable=SC2016 # apt's own variables
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' \
	'Created-By: Packages' | sed -n "s/^$suite main //p" | head -n 1)
if [ -z "$mirror" ]; then
	echo "apt knows no mirror of Debian $suite" >&2
	exit 2
fi

root=$(mktemp -d)
# shellcheck disable=SC2317 # run by the trap
clean_up() {
	umount "$root/fresh/proc" 2>/dev/null || true
	rm -rf --one-file-system "$root"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "Making a minimal Debian $suite..."
debootstrap --variant=minbase "$suite" "$root/base" "$mirror" \
	>"$root/log" 2>&1 || {
	tail -n 20 "$root/log" >&2
	exit 1
}

failed=0
for script in "$@"; do
	cp -a "$root/base" "$root/fresh"
	# The name server and the proxy of this system, if it has one.
	cp -L /etc/resolv.conf "$root/fresh/etc/resolv.conf"
	apt-config dump | grep -i '^Acquire::https\?::Proxy' \
		>"$root/fresh/etc/apt/apt.conf.d/proxy" || true
	mkdir "$root/fresh/faultline"
	tar -c --exclude=./build --exclude=./faultline --exclude=./.git . |
		tar -x -C "$root/fresh/faultline"
	mount -t proc proc "$root/fresh/proc"
	echo "== $script"
	start=$(date +%s)
	status=0
	env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
		chroot "$root/fresh" "/faultline/$script" </dev/null || status=$?
	echo "== $script: exit status $status, $(($(date +%s) - start)) s"
	[ "$status" -eq 0 ] || failed=1
	umount "$root/fresh/proc"
	rm -rf --one-file-system "$root/fresh"
done
exit "$failed"
