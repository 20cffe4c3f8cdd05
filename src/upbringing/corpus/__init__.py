"""The first room: text → scenes. What the next rooms use of it."""

from upbringing.corpus.ingest import ingest, left_out_line, skipped_lines
from upbringing.corpus.measures import MEASURES
from upbringing.corpus.readers import Fields, Reading, read_documents
from upbringing.corpus.store import HELD_OUT, LEFT_OUT, TRAIN, Corpus, write_corpus
from upbringing.corpus.tokens import (
    Tokens,
    end_of_text_id,
    load_tokenizer,
    open_tokens,
    tokenize,
    train_tokenizer,
    write_tokenizer,
)
from upbringing.corpus.vectors import Vectors, vectors_of

__all__ = [
    "HELD_OUT",
    "LEFT_OUT",
    "MEASURES",
    "TRAIN",
    "Corpus",
    "Fields",
    "Reading",
    "Tokens",
    "Vectors",
    "end_of_text_id",
    "ingest",
    "left_out_line",
    "load_tokenizer",
    "open_tokens",
    "read_documents",
    "skipped_lines",
    "tokenize",
    "train_tokenizer",
    "vectors_of",
    "write_corpus",
    "write_tokenizer",
]
