#!/bin/sh
# The locks must be what lock.sh makes of pyproject.toml today, and must name no URL or index.
set -eu
here=requirements
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp $here/*.lock "$tmp/"
sh $here/lock.sh "$tmp"
for lock in chat dev training weights servers; do
  if ! diff -u "$here/$lock.lock" "$tmp/$lock.lock" >"$tmp/diff"; then
    head -20 "$tmp/diff"
    echo "$here/$lock.lock does not follow from pyproject.toml: run 'make lock' and commit it." >&2
    exit 1
  fi
done
if grep -nEi 'https?://|index-url|find-links' $here/*.lock; then
  echo "A lock names a URL or an index: write it anew with 'make lock'." >&2
  exit 1
fi
echo "locks: as pyproject.toml asks, with hashes, no URL"
