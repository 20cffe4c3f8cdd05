import json
import shutil
import subprocess
import sys
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from upbringing.corpus.store import SCENE_COLUMNS, Corpus, write_corpus
from upbringing.corpus.tokens import (
    END_OF_TEXT,
    load_tokenizer,
    open_tokens,
    tokenize,
    tokenizer_digest,
    train_tokenizer,
    write_tokenizer,
)
from upbringing.errors import ArtefactError, InputError
from upbringing.files import write_manifest

TEXTS = [
    "The miller's daughter counted the sacks twice, and then the cats.",
    "Кот мельника сосчитал мешки — и промолчал. 🐈",
    "A scene about <|endoftext|> is one scene.",
    " \n",
]
TOKENIZER = train_tokenizer(TEXTS * 3, 320)


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    rows = [
        (f"s{i}", text, "k", "en", "w", "src", "d", i, "train" if i else "held_out")
        for i, text in enumerate(TEXTS)
    ]
    frame = pl.DataFrame(rows, schema=dict(SCENE_COLUMNS), orient="row")
    return write_corpus(tmp_path / "corpus", frame, recipe={}, inputs={})


def test_a_trained_tokenizer_has_the_size_asked_for_and_end_of_text_first():
    assert TOKENIZER.get_vocab_size() == 320
    assert TOKENIZER.token_to_id(END_OF_TEXT) == 0


@given(st.text(st.characters(codec="utf-8")))
def test_every_text_comes_back_and_none_of_it_is_a_special_token(text):
    ids = TOKENIZER.encode(text + END_OF_TEXT).ids
    assert 0 not in ids
    assert TOKENIZER.decode(ids, skip_special_tokens=False) == text + END_OF_TEXT


def test_a_vocabulary_too_small_for_the_bytes_is_refused_and_the_smallest_works():
    with pytest.raises(InputError, match="257 and more"):
        train_tokenizer(TEXTS, 256)
    assert train_tokenizer(TEXTS, 257).get_vocab_size() == 257


def test_training_gives_the_same_tokenizer_with_and_without_threads():
    code = (
        "from upbringing.corpus.tokens import *\n"
        "texts = [f'{a} gave {b} the {c}.' for a in 'abcdef' for b in 'ghij' for c in 'klmn']\n"
        "print(tokenizer_digest(train_tokenizer(texts * 9, 400)))\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"TOKENIZERS_PARALLELISM": parallel},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for parallel in ("true", "false", "true")
    }
    assert len(digests) == 1


def test_tokens_are_the_scenes_each_behind_an_end_of_text(corpus):
    tokens = tokenize(corpus, TOKENIZER)
    assert tokens.ids.dtype == np.uint16
    assert isinstance(tokens.ids, np.memmap)
    assert tokens.offsets.dtype == np.int64
    assert tokens.offsets[[0, -1]].tolist() == [0, len(tokens.ids)]
    pieces = [tokens.ids[a:b].tolist() for a, b in pairwise(tokens.offsets)]
    assert [piece[0] for piece in pieces] == [0, 0, 0, 0]
    texts = [TOKENIZER.decode(piece[1:], skip_special_tokens=False) for piece in pieces]
    assert texts == TEXTS
    assert (tokens.num_vocab, tokens.end_of_text) == (320, 0)


def test_tokens_are_written_once_and_opened_afterwards(corpus):
    first = tokenize(corpus, TOKENIZER)
    place = corpus.path / "tokens" / first.digest
    written = (place / "ids.npy").stat().st_mtime_ns
    again = tokenize(Corpus.open(corpus.path), load_tokenizer(place))
    assert (place / "ids.npy").stat().st_mtime_ns == written
    assert again.digest == first.digest == tokenizer_digest(TOKENIZER)
    assert again.ids.tolist() == first.ids.tolist()


def test_tokens_that_another_process_wrote_meanwhile_are_taken(corpus, tmp_path, monkeypatch):
    """As when two minds are raised at once on a new corpus."""
    other = Corpus.open(shutil.copytree(corpus.path, tmp_path / "copy"))
    theirs = tokenize(other, TOKENIZER)
    place = corpus.path / "tokens" / theirs.digest

    def when_they_are_done(*arguments, **options):
        (other.path / "tokens" / theirs.digest).rename(place)
        return write_manifest(*arguments, **options)

    monkeypatch.setattr("upbringing.corpus.tokens.write_manifest", when_they_are_done)
    assert tokenize(corpus, TOKENIZER).ids.tolist() == theirs.ids.tolist()
    assert [folder.name for folder in place.parent.iterdir()] == [theirs.digest]


def test_the_digest_of_the_corpus_does_not_change_with_its_tokens(corpus):
    tokenize(corpus, TOKENIZER)
    assert Corpus.open(corpus.path).digest == corpus.digest


def test_damaged_tokens_and_tokens_of_another_corpus_are_refused(corpus, tmp_path):
    place = corpus.path / "tokens" / tokenize(corpus, TOKENIZER).digest
    other = write_corpus(
        tmp_path / "other", corpus.scenes.reverse().select(*SCENE_COLUMNS), recipe={}, inputs={}
    )
    (other.path / "tokens").mkdir()
    place.rename(other.path / "tokens" / place.name)
    with pytest.raises(ArtefactError, match="another corpus"):
        tokenize(other, TOKENIZER)
    file = other.path / "tokens" / place.name / "ids.npy"
    file.write_bytes(file.read_bytes()[:-2])
    with pytest.raises(ArtefactError, match=r"ids\.npy: is damaged"):
        tokenize(other, TOKENIZER)


def test_a_tokenizer_with_its_end_of_text_elsewhere_marks_scenes_by_it(corpus):
    tokenizer = load_foreign(corpus, [END_OF_TEXT])
    tokens = tokenize(corpus, tokenizer)
    assert tokens.end_of_text == 256
    assert (tokens.ids[tokens.offsets[:-1]] == 256).all()
    assert tokens.num_vocab == 257


def test_a_tokenizer_without_end_of_text_is_refused(corpus):
    with pytest.raises(InputError, match=r"has no token that ends a text"):
        load_foreign(corpus, [])


def load_foreign(corpus: Corpus, special: list[str]) -> Tokenizer:
    """A byte-level tokenizer as another program would save it: padded, cut and post-processed."""
    folder = corpus.path.parent / "foreign"
    folder.mkdir()
    alphabet = sorted(set(TOKENIZER.get_vocab()) & set(json_alphabet()))
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = TOKENIZER.pre_tokenizer
    tokenizer.add_special_tokens(special)
    tokenizer.enable_truncation(5)
    tokenizer.enable_padding(length=9)
    tokenizer.save(str(folder / "tokenizer.json"))
    return load_tokenizer(folder)


def json_alphabet() -> list[str]:
    vocab = json.loads(TOKENIZER.to_str())["model"]["vocab"]
    return [token for token in vocab if len(token) == 1]


def test_what_is_no_tokenizer_is_named(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="is not a tokenizer"):
        load_tokenizer(tmp_path)
    with pytest.raises(InputError, match="no such tokenizer"):
        load_tokenizer(tmp_path / "elsewhere")


def test_transformers_opens_the_tokenizer_of_a_llama_checkpoint(tmp_path):
    from transformers import AutoTokenizer, LlamaConfig

    write_tokenizer(tmp_path, TOKENIZER)
    LlamaConfig(vocab_size=320, hidden_size=8, num_attention_heads=1).save_pretrained(tmp_path)
    opened = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert (opened.bos_token_id, opened.eos_token_id) == (0, 0)
    for text in TEXTS[:2]:
        assert opened(text)["input_ids"] == TOKENIZER.encode(text).ids
        assert opened.decode(opened(text)["input_ids"]) == text


def test_the_tokens_of_another_tokenizer_are_refused(corpus: Corpus) -> None:
    one, other = (tokenize(corpus, train_tokenizer(TEXTS * 3, size)) for size in (270, 280))
    assert open_tokens(corpus, one.digest).ids.tolist() == one.ids.tolist()
    place = corpus.path / "tokens"
    shutil.rmtree(place / one.digest)
    shutil.copytree(place / other.digest, place / one.digest)
    with pytest.raises(ArtefactError, match="holds the tokens of another tokenizer") as caught:
        open_tokens(corpus, one.digest)
    assert str(place / one.digest) in str(caught.value)
    shutil.rmtree(place / one.digest)
    with pytest.raises(ArtefactError, match="no such folder"):
        open_tokens(corpus, one.digest)
