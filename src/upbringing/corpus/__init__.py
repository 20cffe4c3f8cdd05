"""The first room: text → scenes. What the next rooms use of it."""

from upbringing.corpus.ingest import ingest
from upbringing.corpus.readers import Fields, Reading
from upbringing.corpus.store import Corpus, write_corpus
from upbringing.corpus.tokens import (
    Tokens,
    load_tokenizer,
    tokenize,
    train_tokenizer,
    write_tokenizer,
)

__all__ = [
    "Corpus",
    "Fields",
    "Reading",
    "Tokens",
    "ingest",
    "load_tokenizer",
    "tokenize",
    "train_tokenizer",
    "write_corpus",
    "write_tokenizer",
]
