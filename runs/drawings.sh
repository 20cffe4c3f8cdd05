#!/usr/bin/env bash
# The drawings of docs/curriculum.md again, by the commands that stand there. Usage: runs/drawings.sh
set -euo pipefail
guide=$PWD/docs/curriculum.md
place=$(mktemp -d)
trap 'rm -r "$place"' EXIT

# Each command is a line of its own: first the one that makes the corpus, then one a drawing.
commands() { sed -n "s/^\\$ \(upbringing $1\)/\1/p" "$guide"; }

rm -rf docs/arrangements
mkdir docs/arrangements
ln -s "$PWD/docs" "$place/docs"
cd "$place"
bash -euo pipefail <(commands 'world -o corpus' && commands 'show corpus --arrange')
