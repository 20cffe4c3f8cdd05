"""Tokens: text ↔ numbers, and a corpus as one flat, memory-mapped array of them.

Takes texts or a tokenizer file, gives a byte-level BPE tokenizer whose every text comes back as it
was. Takes a corpus and a tokenizer, gives `Tokens`, written once into the corpus's folder:

    corpus/tokens/<tokenizer digest>/ids.npy          every scene's tokens, end to end
    corpus/tokens/<tokenizer digest>/offsets.npy      where each scene begins, in tokens
    corpus/tokens/<tokenizer digest>/tokenizer.json   the tokenizer itself
    corpus/tokens/<tokenizer digest>/tokens.json      manifest
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from upbringing.corpus.store import Corpus
from upbringing.errors import ArtefactError, InputError
from upbringing.files import open_manifest, staged, storage, write_json, write_manifest, write_text
from upbringing.identity import digest_json

FORMAT = "tokens/1"
END_OF_TEXT = "<|endoftext|>"
"""The one special token, before each scene: begin and end of text at once, id 0 if trained here."""

_OTHER_ENDS = ("<|end_of_text|>", "<|im_end|>", "</s>", "<eos>", "[EOS]")
"""What takes its place in tokenizers of others, the first of them that is there."""

SMALLEST_NUM_VOCAB = 257  # END_OF_TEXT and the 256 bytes
_TEXTS_AT_ONCE = 4_096


@dataclass(frozen=True)
class Tokens:
    """A corpus in the tokens of one tokenizer.

    ids      (num_tokens,) uint16, or uint32 above 65,536 words of vocabulary; read from disk
    offsets  (num_scenes + 1,) int64: scene i (row of scenes.parquet, all splits) is
             ids[offsets[i]:offsets[i + 1]], and ids[offsets[i]] is `end_of_text`
    """

    ids: npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]
    tokenizer: Tokenizer
    digest: str
    num_vocab: int
    end_of_text: int


def train_tokenizer(texts: Iterable[str], num_vocab: int) -> Tokenizer:
    """Train a byte-level BPE tokenizer of at most `num_vocab` tokens; END_OF_TEXT is id 0.

    The same texts in the same order give the same tokenizer. Short of pairs to merge, it stays
    smaller than asked for. Pre-tokenization is GPT-2's. Raises `InputError` below 257.
    """
    if num_vocab < SMALLEST_NUM_VOCAB:
        raise InputError(
            f"a vocabulary of {num_vocab} tokens cannot hold every byte",
            allowed=f"{SMALLEST_NUM_VOCAB} and more",
        )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=num_vocab,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _as_data(tokenizer)


def load_tokenizer(path: Path | str) -> Tokenizer:
    """Open a `tokenizer.json`, or the one in a Hugging Face folder.

    Raises `InputError` when there is none, it cannot be read, or it lacks a token that ends a text.
    """
    file = Path(path)
    file = file / "tokenizer.json" if file.is_dir() else file
    if not file.is_file():
        raise InputError(
            "no such tokenizer", where=str(file), allowed="a tokenizer.json, or a folder with one"
        )
    try:
        tokenizer = Tokenizer.from_str(file.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises bare Exception
        raise InputError(f"is not a tokenizer: {error}", where=str(file)) from error
    if not _ends_of_text(tokenizer):
        raise InputError(
            "has no token that ends a text, which must stand before each scene",
            where=str(file),
            allowed=", ".join((END_OF_TEXT, *_OTHER_ENDS)),
            do=f"add {END_OF_TEXT} to it, or let a tokenizer be trained on the corpus",
        )
    return _as_data(tokenizer)


def _as_data(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer, set to read text as data: nothing cut, padded, or taken for a special token.

    A scene that spells out `<|endoftext|>` is then a scene about that word, and not two scenes.
    """
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def tokenizer_digest(tokenizer: Tokenizer) -> str:
    """SHA-256 (hex) of the tokenizer's JSON in canonical form (`identity.digest_json`)."""
    return digest_json(json.loads(tokenizer.to_str()))


def write_tokenizer(folder: Path, tokenizer: Tokenizer) -> None:
    """Write the files by which `transformers.AutoTokenizer` opens `folder`."""
    write_text(folder / "tokenizer.json", tokenizer.to_str(pretty=True))
    special = dict.fromkeys(("bos_token", "eos_token"), _ends_of_text(tokenizer)[0])
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **special,
    }
    write_json(folder / "tokenizer_config.json", settings)
    write_json(folder / "special_tokens_map.json", special)


def tokenize(corpus: Corpus, tokenizer: Tokenizer) -> Tokens:
    """The corpus in the tokens of `tokenizer`: opened if written before, else written.

    `tokenizer` is from `train_tokenizer` or `load_tokenizer`. Two processes may write them at once:
    both then open those of the first. Raises `ArtefactError` when what was
    written is damaged or of another corpus.
    """
    place = corpus.path / "tokens" / tokenizer_digest(tokenizer)
    if not place.exists():
        _write_tokens(place, corpus, tokenizer)
    return _open_tokens(place, corpus)


def open_tokens(corpus: Corpus, tokenizer: str) -> Tokens:
    """The corpus in the tokens of the tokenizer with that digest, written before.

    Raises `ArtefactError` where there are none, they are damaged, or of another corpus.
    """
    return _open_tokens(corpus.path / "tokens" / tokenizer, corpus)


def _write_tokens(place: Path, corpus: Corpus, tokenizer: Tokenizer) -> None:
    texts = corpus.columns(["text"])["text"]
    dtype = np.uint16 if _num_vocab(tokenizer) <= 1 << 16 else np.uint32
    boundary = end_of_text_id(tokenizer)
    chunks = []
    lengths = np.zeros(len(texts), dtype=np.int64)
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        part = texts.slice(start, _TEXTS_AT_ONCE).to_list()
        scenes = tokenizer.encode_batch_fast(part, add_special_tokens=False)
        rows = [np.array([boundary, *scene.ids], dtype=dtype) for scene in scenes]
        lengths[start : start + len(rows)] = [len(row) for row in rows]
        chunks.append(np.concatenate(rows))
    with staged(place, shared=True) as draft, storage(place):
        np.save(draft / "ids.npy", np.concatenate(chunks))
        np.save(draft / "offsets.npy", np.concatenate([[0], lengths.cumsum()]))
        write_text(draft / "tokenizer.json", tokenizer.to_str(pretty=True))
        write_manifest(
            draft,
            FORMAT,
            recipe={"before_each_scene": _ends_of_text(tokenizer)[0]},
            inputs={"corpus": corpus.digest, "tokenizer": place.name},
            facts={"num_tokens": int(lengths.sum()), "num_vocab": _num_vocab(tokenizer)},
        )


def _open_tokens(place: Path, corpus: Corpus) -> Tokens:
    manifest = open_manifest(place, FORMAT)
    for name, digest in (("corpus", corpus.digest), ("tokenizer", place.name)):
        if manifest.inputs[name] != digest:
            raise ArtefactError(
                f"holds the tokens of another {name}", where=str(place), do="remove this folder"
            )
    tokenizer = load_tokenizer(place)
    return Tokens(
        ids=np.load(place / "ids.npy", mmap_mode="r", allow_pickle=False),
        offsets=np.load(place / "offsets.npy", allow_pickle=False),
        tokenizer=tokenizer,
        digest=place.name,
        num_vocab=_num_vocab(tokenizer),
        end_of_text=end_of_text_id(tokenizer),
    )


def end_of_text_id(tokenizer: Tokenizer) -> int:
    """The id of the token that ends a text: END_OF_TEXT, or what takes its place."""
    ids = map(tokenizer.token_to_id, _ends_of_text(tokenizer))
    token = next(ids, None)
    assert token is not None, "a tokenizer that neither train_tokenizer nor load_tokenizer gave"
    return token


def _ends_of_text(tokenizer: Tokenizer) -> list[str]:
    tokens = (END_OF_TEXT, *_OTHER_ENDS)
    return [token for token in tokens if tokenizer.token_to_id(token) is not None]


def _num_vocab(tokenizer: Tokenizer) -> int:
    return 1 + max(tokenizer.get_vocab(with_added_tokens=True).values())
