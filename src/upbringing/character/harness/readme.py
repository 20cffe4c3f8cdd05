"""What must be set in lm-evaluation-harness so that its figures are ours, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def readme(tag: str, settings: Mapping[str, int], counts: Mapping[str, Sequence[int]]) -> str:
    """README.md of a folder of tasks; `counts` are items and items left out, by task."""
    said = ",".join(f"{name}={value}" for name, value in settings.items())
    rows = "".join(f"| `{task}` | {num} | {left} |\n" for task, (num, left) in counts.items())
    return f"""# Tasks for lm-evaluation-harness

Run it in this folder, where the tasks find their data; nothing is asked of the network.

```
pip install 'lm-eval[hf]'
export HF_HUB_OFFLINE=1
for mind in RUN/checkpoints/age_*; do
  lm-eval run --model hf --tasks {tag} --include_path . \\
    --model_args pretrained=$mind,dtype=float32,add_bos_token=False,{said} \\
    --batch_size 16 --device cpu --log_samples --output_path results
done
upbringing import results --as lm-eval -o readings
```

`RUN` is the whole path of a run. `--log_samples` is needed: margins are worked out from the
log-likelihoods of the items.

## What must be set, and why

| setting | why |
|---|---|
| `dtype=float32` | by default it takes what a checkpoint's configuration says |
| `max_length={settings["max_length"]}` | the row length, in whose windows texts are given |
| `prefix_token_id={settings["prefix_token_id"]}` | the end-of-text token before each text |
| `add_bos_token=False` | there is one such token, and no other |
| no `--apply_chat_template`, `--num_fewshot`, `--limit` | all items are asked, as they are |

The batch size changes nothing beyond rounding.

## What is in it

The harness encodes an opening and what follows as one text. An item that comes to other tokens than
those in which a mind is asked is left out, and a fact that fills more than a row.

| task | items | left out |
|---|---|---|
{rows}
`style` and `bits` give every text in windows of a row, since the harness itself would read the last
window of a long text after more of it than we do; their `acc` (is a window what the mind would have
said?) means nothing. `rolling` has the held-out texts whole, and the harness's own bits per byte of
them: the same figure where they fit in a row, a somewhat lower one where not. In `knowledge`, `acc`
is the share of facts whose true value is likeliest. `upbringing import` works the margins out.
"""
