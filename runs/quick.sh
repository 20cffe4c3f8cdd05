#!/usr/bin/env bash
# Every stage in order, each by its own verb, small enough for a coffee. `upbringing raise` does all
# of this in one. Usage: runs/quick.sh [FOLDER]
set -euo pipefail
place=${1:-quick}
mkdir -p "$place"

# Text → scenes. The built-in world; `upbringing ingest TEXTS -o` for texts of your own.
upbringing world -o "$place/corpus" --events 3000 --voices plain,technical,drama,chat

# An intention → a curriculum that a person can change.
upbringing compose "$place/corpus" "first drama" -o "$place/ltm_curriculum.yaml"

# What would happen, and what it would cost.
upbringing plan "$place/ltm_curriculum.yaml" --corpus "$place/corpus"

# Curriculum → the exact order; what is read at a third of life?
upbringing order "$place/ltm_curriculum.yaml" --corpus "$place/corpus" -o "$place/order"
upbringing show "$place/order" --corpus "$place/corpus" --at 0.33

# The same visits in other orders, to judge it by.
upbringing controls "$place/ltm_curriculum.yaml" -o "$place/controls"
upbringing order "$place/controls/shuffle.yaml" --corpus "$place/corpus" -o "$place/shuffled"
upbringing show "$place/order" --corpus "$place/corpus" --against "$place/shuffled"

# Order → one mind, with the proof of what it read.
upbringing train "$place/order" --corpus "$place/corpus" -o "$place/mind" --batch-size 4
upbringing verify "$place/mind"

# What it is like at each of its ages, and how it speaks.
upbringing measure "$place/mind" drama technical
upbringing talk "$place/mind" --prompt "Early in the morning"

# Several minds, one block in several places: a study, and its page.
cat > "$place/study.yaml" <<'YAML'
name: drama first or last
block: drama
against: technical
arms: [F, L, S]
schedules: [constant]
seeds: 2
tokens: 60000
batch_size: 4
ladder: false
YAML
upbringing study "$place/study.yaml" --corpus "$place/corpus" -o "$place/study"
upbringing report "$place/study"
