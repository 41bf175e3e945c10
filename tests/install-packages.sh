#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# tests/install-packages.sh demo|test
#
# Install the Debian packages that demo.sh or test.sh needs and that are
# missing, and say so.  Exit status 2, with the command to type, when that
# takes root and we are not.  On another system the names below say what to
# look for; nothing is installed and nothing is held up.

set -eu

packages="gcc libc6-dev make patch
	libdw-dev libelf-dev libjansson-dev libxxhash-dev"
case ${1:-} in
demo) ;;
test) packages="$packages bats jq ccache clang clang-format-14 libcmocka-dev
	openmpi-bin libopenmpi-dev" ;;
*)
	echo "usage: tests/install-packages.sh demo|test" >&2
	exit 2
	;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	# shellcheck disable=SC2086 # as one line
	echo "No Debian here; what is needed:" $packages
	exit 0
fi

missing=
for package in $packages; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) ||
		state=
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "Packages are missing.  As root:" >&2
	echo "    apt-get update && apt-get install -y$missing" >&2
	exit 2
fi

echo "Installing with apt-get:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
DEBIAN_FRONTEND=noninteractive
LC_ALL=C.UTF-8
export DEBIAN_FRONTEND LC_ALL
# shellcheck disable=SC2086 # one word for each package
if ! { apt-get -q update &&
	apt-get -q -y --no-install-recommends install $missing; } \
	>"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	echo "apt-get failed; see above" >&2
	exit 2
fi
echo "Installed."
