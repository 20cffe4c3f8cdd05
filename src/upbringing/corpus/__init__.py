"""The first room: text → scenes. What the next rooms use of it."""

from upbringing.corpus.store import Corpus, write_corpus
from upbringing.corpus.tokens import Tokens, load_tokenizer, tokenize, train_tokenizer

__all__ = [
    "Corpus",
    "Tokens",
    "load_tokenizer",
    "tokenize",
    "train_tokenizer",
    "write_corpus",
]
