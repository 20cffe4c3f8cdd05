"""Advice: what the other side must set so that an export is read in order, for its README."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from upbringing.order import Order, PhaseSpan

VISITS = """\
{how}. A trainer keeps the order only if nothing deals the visits anew on the way:

- no shuffle: `shuffle=False` in a `DataLoader`; in the Hugging Face `Trainer`
  `train_sampling_strategy="sequential"`;
- no `group_by_length`, and no packing that sorts by length (best-fit puts the longest first);
- one epoch: what a second one does is the trainer's own choice;
- the tail: `DistributedSampler` and accelerate's `even_batches=True` feed the first visits again
  where the last batch is not full. Set `even_batches=False`, or `dataloader_drop_last=True` and
  know that the tail is not read.

{ranks}"""

ONE_RANK = """\
**Holds for** any loader that deals one list out in turn: `DataLoader`, accelerate, Lightning. A
loader that gives each process a range of its own (`split_dataset_by_node` on a map-style dataset,
torchtitan, litData) or a file of its own breaks it on more than one process: export with
`--ranks N` for those.
"""

RANKS = """\
**Holds for** {ranks} processes, and loaders that give each a contiguous range (as
`split_dataset_by_node` does of a map-style dataset) or a file of its own. Process r of {ranks} has
the visits r, r + {ranks}, r + 2 · {ranks}, …: what all take at once follows one another in the
order. On another number of processes, or with a loader that deals one list out in turn, this is
another order.
"""

NUMPY = """\
```python
import numpy as np
from olmo_core.data import (
    DataCollator, NumpyFSLDataLoader, NumpyFSLDatasetConfig, TokenizerConfig
)

dataset = NumpyFSLDatasetConfig(
    tokenizer=TokenizerConfig(vocab_size={num_vocab}, eos_token_id={end}, pad_token_id={end}),
    paths=["data/tokens.bin"],
    label_mask_paths=["data/label_mask.bin"],
    dtype="{dtype}",
    sequence_length={row_length},
    work_dir="work",
).build()
dataset.prepare()
loader = NumpyFSLDataLoader(
    dataset,
    collator=DataCollator(pad_token_id={end}),
    global_batch_size={batch_size} * {row_length},
    work_dir="work",
    shuffle=False,
    dp_world_size=1,
    dp_rank=0,
)
loader.reshuffle(epoch=1)
```

- `shuffle=False`: it is True by default, and `NumpyDataLoaderConfig` has no such switch: what it
  builds always shuffles. So the loader is made as above, with the world size and rank of the run;
- `sequence_length={row_length}`: with another one rows are cut elsewhere;
- a `work_dir` of its own for each export: indices are kept there under names that leave out what
  they were made from;
- one epoch. Batches are whole: instances that fill none are dropped. These are {num_rows:,}
  instances, whole batches of {batch_size}{fillers}.
- OLMo-core takes labels from the instance itself, so the first token of each row is not predicted.

**Holds for** any number of ranks and workers: a step reads the same rows.
"""

ROWS = """\
```python
import numpy as np

rows = np.load("data/rows.npy", mmap_mode="r")        # {num_rows:,} rows of {row_length} + 1
counted = np.load("data/counted.npy", mmap_mode="r")  # targets of each that count, from the left
batch = rows[0:{some}].astype(np.int64)                    # the next one begins where this ends
inputs, targets = batch[:, :-1], batch[:, 1:].copy()
targets[np.arange({row_length}) >= counted[0:{some}, None]] = -100
```

**Holds for** any number of processes, if step k of batch size B reads rows k·B to (k + 1)·B and the
processes share these out. The last batch may be short.
"""

MEGATRON = """\
Megatron's `GPTDataset` shuffles documents and samples, whatever the flags, unless it finds index
arrays in its cache. So lay those of this order there, in one process, before it builds its datasets
(in `pretrain_gpt.py`: in `train_valid_test_datasets_provider`, after `config` is made):

```python
from upbringing.exports import index_cache

index_cache("THIS FOLDER", config, train_val_test_num_samples[0])
```

Or start it once, stop it, and lay them with `--description` of the file
`…-GPTDataset-train-description.txt` that it left in its cache; then put `cache/` of that export in
its place.

- `--data-path THIS FOLDER/data/scenes`, one path without weights, `--split 100,0,0`;
- `--data-cache-path` of its own for each export: a cache that was made for another order under the
  same path is taken without a word;
- `--seq-length {row_length}`; `--train-samples` at most {num_rows:,}, which is one epoch{fillers};
- `--dataloader-type single`: `cyclic` shuffles anew;
- a tokenizer whose end-of-document token is {end}, and no `--eod-mask-loss`: here the token stands
  before each document, so the first word of each would not be predicted; `--reset-position-ids`
  counts the token to the document before.

`GPTDataset` has no mask: the end-of-text tokens that fill the last rows are predicted too.

**Holds for** any number of ranks, with `--dataloader-type single`: a step reads the same rows.
"""

MDS = """\
```python
from streaming import StreamingDataset

dataset = StreamingDataset(
    local="data", shuffle=False, num_canonical_nodes=1, batch_size=BATCH_SIZE_OF_A_RANK
)
```

- `num_canonical_nodes=1`: by default there is one a node, and each begins a range of its own;
- `shuffle=False`, one stream, no `choose`, `repeat` or `proportion` (they draw samples anew), and
  `batching_method="random"`, the default, which draws nothing where there is one stream;
- `batch_size` here and in the `DataLoader` is the same number, that of one rank;
- one epoch; no `predownload` or cache limit changes the order;
- a sample has `tokens`, {row_length} + 1 of them: inputs and targets, one apart. For models that
  shift labels themselves the sequence length is {row_length} + 1. The first `counted` ones count.

**Holds for** {ranks} ranks in all and any number that divides {ranks}, on one node or several, with
any number of workers: rank r of R reads rows r, r + R, r + 2R, …, so a step reads the same rows. On
another number of ranks the last rows are fed twice{fillers}.
"""


@dataclass(frozen=True)
class Facts:
    """What the advice depends on."""

    num_rows: int = 0
    num_fillers: int = 0
    row_length: int = 0
    ranks: int = 1
    batch_size: int = 1
    num_vocab: int = 0
    end: int = 0
    dtype: str = "uint16"


def advice(format_: str, facts: Facts) -> str:
    """The Markdown that tells a person of this format what to set."""
    fillers = (
        f"; the last {facts.num_fillers:,} of the rows are fillers of end-of-text"
        if facts.num_fillers
        else ""
    )
    said = {**asdict(facts), "fillers": fillers, "some": min(16, facts.num_rows)}
    templates: Mapping[str, str] = {
        "numpy": NUMPY,
        "rows": ROWS,
        "megatron": MEGATRON,
        "mds": MDS,
    }
    if format_ in templates:
        return templates[format_].format(**said)
    how = "Read the files by name, each from top to bottom"
    if format_ == "hf":
        how = 'Open it by `datasets.load_from_disk("data")`'
    ranks = ONE_RANK if facts.ranks == 1 else RANKS.format(**said)
    return VISITS.format(how=how, ranks=ranks)


def readme(order: Order, place: Path, format_: str, facts: Facts) -> str:
    """The README of an export: what it is, what must be set, how it is checked."""
    rows = f" in {facts.num_rows:,} rows of {facts.row_length:,} tokens" if facts.num_rows else ""
    return f"""\
# An order as {format_}

{order.num_visits:,} visits{rows}, in the order whose sequence digest is
`{order.digest}`.

## What must be set, so that the order holds

{advice(format_, facts)}
## What is not in it

The levers. The trainer's own hold; the order's phases ask for these:

| phase | positions | levers |
|---|---|---|
{"".join(_phase(span) for span in order.phases)}
## Check it

```
upbringing verify {place.name} --as {format_} --order ORDER --corpus CORPUS
```

reads it back, element by element, and names the first place where it is not the order.
"""


def _phase(span: PhaseSpan) -> str:
    name = span.name.replace("|", "\\|").replace("\n", " ")
    stops = [*(begin for begin, _ in span.later), span.stop]
    return "".join(
        f"| {name} | {start:,} to {stop - 1:,} | {', '.join(levers.words()) or 'none'} |\n"
        for (start, levers), stop in zip(span.stretches, stops, strict=True)
    )
