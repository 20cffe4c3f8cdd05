"""Vectors of scenes: made once, kept, checked; by words, by a table of one's own, by a model."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from conftest import tiny_scenes
from threadpoolctl import threadpool_limits

from upbringing.corpus import Corpus, write_corpus
from upbringing.corpus import vectors as module
from upbringing.corpus.tfidf import WordSpace
from upbringing.corpus.vectors import read_source, vectors_of
from upbringing.errors import ArtefactError, InputError
from upbringing.files import Manifest, write_manifest
from upbringing.identity import digest_array


@pytest.fixture
def own(tmp_path: Path) -> Corpus:
    """A corpus of the tiny scenes that has no vectors yet."""
    return write_corpus(tmp_path / "corpus", tiny_scenes(), recipe={}, inputs={})


def corpus_of(tmp_path: Path, scenes: pl.DataFrame, name: str = "other") -> Corpus:
    return write_corpus(tmp_path / name, scenes, recipe={}, inputs={})


# By words


def test_vectors_that_another_process_wrote_meanwhile_are_taken(
    own: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Corpus.open(shutil.copytree(own.path, tmp_path / "copy"))
    theirs = vectors_of(other)
    place = own.path / "vectors"

    def when_they_are_done(*arguments: Any, **options: Any) -> Manifest:
        (other.path / "vectors" / "tfidf").rename(place / "tfidf")
        return write_manifest(*arguments, **options)

    monkeypatch.setattr(module, "write_manifest", when_they_are_done)
    assert vectors_of(own).digest == theirs.digest
    assert [folder.name for folder in place.iterdir()] == ["tfidf"]


def test_every_scene_has_a_vector_of_length_1(own: Corpus) -> None:
    vectors = vectors_of(own)
    assert vectors.values.dtype == np.float32
    assert vectors.values.shape == (80, 72)  # training scenes are fewer than 128
    np.testing.assert_allclose(np.linalg.norm(vectors.values, axis=1), 1, atol=1e-6)
    held_out = (own.scenes["split"] == "held_out").to_numpy()
    assert vectors.values[held_out].any(axis=1).all()


def test_scenes_that_share_words_are_near() -> None:
    texts = ["the sea was calm", "calm was the sea", "a press of wool", "wool in a press"]
    space = WordSpace.fit(texts, ["en"] * 4)
    values = space.vectors(texts, ["en"] * 4)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    cosines = values @ values.T
    np.testing.assert_allclose(cosines[[0, 2], [1, 3]], 1, atol=1e-6)
    np.testing.assert_allclose(cosines[:2, 2:], 0, atol=1e-6)


def test_an_axis_points_where_its_largest_coordinate_is_positive(own: Corpus) -> None:
    space = WordSpace.fit(own.scenes["text"].to_list(), own.scenes["lang"].to_list())
    largest = np.abs(space.axes).argmax(axis=0)
    assert (space.axes[largest, np.arange(80)] > 0).all()


def test_the_same_corpus_gives_the_same_vectors_to_the_bit(tmp_path: Path) -> None:
    digests = set()
    for num_threads in (1, 2, 4):
        corpus = corpus_of(tmp_path, tiny_scenes(), f"threads-{num_threads}")
        with threadpool_limits(limits=num_threads):
            digests.add(vectors_of(corpus).digest)
    assert len(digests) == 1


def test_vectors_have_the_digest_of_their_values(own: Corpus) -> None:
    vectors = vectors_of(own)
    assert vectors.digest == digest_array(vectors.values)
    manifest = json.loads((own.path / "vectors/tfidf/vectors.json").read_text())
    assert manifest["format"] == "vectors/1"
    assert manifest["inputs"] == {"corpus": own.digest}
    assert manifest["recipe"]["method"] == "TF-IDF, SVD"
    assert manifest["facts"] == {
        "num_scenes": 80,
        "num_dims": 72,
        "num_without": 0,
        "values": vectors.digest,
    }
    assert Corpus.open(own.path).digest == own.digest


def test_vectors_are_made_once(own: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    first = vectors_of(own)
    monkeypatch.setattr(WordSpace, "fit", None)
    again = vectors_of(own)
    assert again.digest == first.digest
    assert isinstance(again.values, np.memmap)


def test_held_out_text_moves_no_other_scene(own: Corpus, tmp_path: Path) -> None:
    scenes = tiny_scenes()
    is_held_out = pl.col("split") == "held_out"
    other = scenes.with_columns(
        text=pl.when(is_held_out).then(pl.lit("dr1 dr1 te2 unseen")).otherwise("text")
    )
    train = (scenes["split"] == "train").to_numpy()
    moved = vectors_of(corpus_of(tmp_path, other)).values
    assert moved[train].tolist() == vectors_of(own).values[train].tolist()
    assert moved[~train].tolist() != vectors_of(own).values[~train].tolist()


def test_a_text_is_laid_where_the_scene_of_that_text_lies(own: Corpus) -> None:
    vectors = vectors_of(own)
    assert vectors.map_text is not None
    for row in (0, 9, 40):
        found = vectors.map_text(own.scenes["text"][row])
        assert found.tolist() == vectors.values[row].tolist()
    assert not vectors.map_text("words that no scene has").any()


def test_languages_are_at_right_angles_and_a_text_is_of_the_nearer_one(tmp_path: Path) -> None:
    russian = tiny_scenes().with_columns(
        id="ru/" + pl.col("id"),
        document="ru/" + pl.col("document"),
        lang=pl.lit("ru"),
        text=pl.col("text").str.replace_all("dr", "др").str.replace_all("te", "тех"),
    )
    corpus = corpus_of(tmp_path, pl.concat([tiny_scenes(), russian]))
    vectors = vectors_of(corpus)
    assert vectors.values.shape == (160, 2 * 72)
    assert not (vectors.values[:80] @ vectors.values[80:].T).any()
    assert vectors.map_text is not None
    assert vectors.map_text("др1 др2 du3")[72:].any()
    assert not vectors.map_text("др1 др2 du3")[:72].any()


def test_a_corpus_without_a_shared_word_is_refused(tmp_path: Path) -> None:
    scenes = tiny_scenes(8).with_columns(text=pl.col("id").str.replace("/", ""))
    corpus = corpus_of(tmp_path, scenes)
    with pytest.raises(InputError, match=r"no word stands in two scenes(.|\n)*vectors: FILE\.npy"):
        vectors_of(corpus)
    assert list((corpus.path / "vectors").iterdir()) == []


# Kept


def test_damaged_vectors_are_named_and_never_used(own: Corpus) -> None:
    vectors_of(own)
    file = own.path / "vectors/tfidf/vectors.npy"
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(ArtefactError, match=r"vectors\.npy: is damaged"):
        vectors_of(own)


def test_vectors_of_another_corpus_are_not_used(own: Corpus, tmp_path: Path) -> None:
    other = corpus_of(tmp_path, tiny_scenes(40))
    vectors_of(other)
    shutil.copytree(other.path / "vectors", own.path / "vectors")
    with pytest.raises(ArtefactError, match=r"are of another corpus(.|\n)*remove this folder"):
        vectors_of(own)


def test_vectors_by_another_recipe_are_not_used(
    own: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors_of(own)
    monkeypatch.setattr(module, "RECIPE", {**module.RECIPE, "power_iterations": 9})
    with pytest.raises(ArtefactError, match="made by another recipe"):
        vectors_of(own)


# A table of one's own


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.uint8])
def test_a_table_is_kept_at_length_1(own: Corpus, tmp_path: Path, dtype: type[Any]) -> None:
    table = (np.arange(240).reshape(80, 3) % 7).astype(dtype)
    table[5] = 0
    np.save(tmp_path / "own.npy", table)
    vectors = vectors_of(own, str(tmp_path / "own.npy"))
    lengths = np.linalg.norm(table.astype(np.float64), axis=1)
    expected = table / np.where(lengths > 0, lengths, 1)[:, None]
    np.testing.assert_allclose(vectors.values, expected, atol=1e-7)
    assert not vectors.values[5].any()
    assert vectors.map_text is None


def test_a_changed_table_is_another_table(own: Corpus, tmp_path: Path) -> None:
    file = tmp_path / "own.npy"
    np.save(file, np.eye(80))
    first = vectors_of(own, str(file))
    file.rename(tmp_path / "moved.npy")
    assert vectors_of(own, str(tmp_path / "moved.npy")).digest == first.digest
    np.save(file, np.eye(80)[::-1])
    assert vectors_of(own, str(file)).digest != first.digest
    assert len(list((own.path / "vectors").iterdir())) == 2


def infinite() -> np.ndarray[Any, Any]:
    table = np.ones((80, 2))
    table[[3, 7], 1] = np.inf, np.nan
    return table


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (np.ones((79, 3)), "has 79 rows, and .* has 80 scenes"),
        (np.ones(80), r"float64 of shape \(80,\)(.|\n)*shape \(scenes, dimensions\)"),
        (np.ones((80, 0)), r"of shape \(80, 0\)"),
        (np.full((80, 2), "a"), "holds <U1"),
        (np.full((80, 2), None), "is not an array of numbers: .*Python objects"),
        (infinite(), "row 3 is not finite, and 2 are not"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    own: Corpus, tmp_path: Path, table: np.ndarray[Any, Any], says: str
) -> None:
    np.save(tmp_path / "own.npy", table)
    with pytest.raises(InputError, match=says) as caught:
        vectors_of(own, str(tmp_path / "own.npy"))
    assert caught.value.problems[0].where == str(tmp_path / "own.npy")
    assert not list((own.path / "vectors").glob("*"))


def test_what_is_no_table_at_all_is_refused(own: Corpus, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file of vectors"):
        vectors_of(own, str(tmp_path / "missing.npy"))
    (tmp_path / "text.npy").write_text("1 2 3")
    with pytest.raises(InputError, match=r"text\.npy: is not an array of numbers"):
        vectors_of(own, str(tmp_path / "text.npy"))


# Sources and models


@pytest.mark.parametrize("said", ["tfidf", "a/b.npy", {"model2vec": "m"}])
def test_a_source_is_read_as_it_is_written(said: Any) -> None:
    assert read_source(said) == said


@pytest.mark.parametrize("said", ["tf-idf", 3, {}, {"word2vec": "m"}, {"model2vec": 3}, ["tfidf"]])
def test_no_other_source_is_read(said: Any) -> None:
    with pytest.raises(ValueError, match="vectors are tfidf, the path of a"):
        read_source(said)


@pytest.mark.parametrize("name", ["model2vec", "sentence_transformers"])
def test_a_model_needs_its_folder_and_its_extra(
    own: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with pytest.raises(InputError, match=f"no such folder with a {name} model(.|\n)*network"):
        vectors_of(own, {name: "minishlab/potion-base-8M"})
    monkeypatch.setitem(sys.modules, name, None)
    package = name.replace("_", "-")
    with pytest.raises(InputError, match=rf"need {package}(.|\n)*upbringing\[vectors\]"):
        vectors_of(own, {name: str(tmp_path)})
    assert not list((own.path / "vectors").glob("*"))


def test_what_is_no_model_is_refused(own: Corpus, tmp_path: Path) -> None:
    pytest.importorskip("model2vec")
    (tmp_path / "model").mkdir()
    with pytest.raises(InputError, match="model: is not a model of model2vec"):
        vectors_of(own, {"model2vec": str(tmp_path / "model")})


def test_a_model_that_brings_code_is_refused(own: Corpus, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    (tmp_path / "model").mkdir()
    modules = [{"idx": 0, "name": "0", "path": "", "type": "mine.Model"}]
    (tmp_path / "model/modules.json").write_text(json.dumps(modules))
    (tmp_path / "model/mine.py").write_text("raise SystemExit('code was run')")
    with pytest.raises(InputError, match=r"modules\.json: the model brings code of its own"):
        vectors_of(own, {"sentence_transformers": str(tmp_path / "model")})


def word_tokenizer(own: Corpus) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = own.scenes["text"].str.extract_all(r"\w+").explode().unique().sort().to_list()
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def test_a_model2vec_model_in_a_folder(own: Corpus, tmp_path: Path) -> None:
    model2vec = pytest.importorskip("model2vec")
    tokenizer = word_tokenizer(own)
    table = np.random.default_rng(0).normal(size=(tokenizer.get_vocab_size(), 8))
    table = table.astype(np.float32)
    model2vec.StaticModel(table, tokenizer).save_pretrained(tmp_path / "model")
    vectors = vectors_of(own, {"model2vec": str(tmp_path / "model")})
    ids = [tokenizer.encode(text).ids for text in own.scenes["text"]]
    unknown = tokenizer.token_to_id("[UNK]")
    means = np.stack([table[[i for i in row if i != unknown]].mean(axis=0) for row in ids])
    expected = means / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors.values, expected, atol=1e-5)
    assert vectors.map_text is not None
    np.testing.assert_allclose(vectors.map_text(own.scenes["text"][4]), vectors.values[4])


def test_a_sentence_transformers_model_in_a_folder(own: Corpus, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=word_tokenizer(own), unk_token="[UNK]", pad_token="[PAD]"
    )
    shape = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    tokenizer.save_pretrained(tmp_path / "bert")
    BertModel(shape).save_pretrained(tmp_path / "bert")
    library.SentenceTransformer(str(tmp_path / "bert"), device="cpu").save(str(tmp_path / "model"))
    vectors = vectors_of(own, {"sentence_transformers": str(tmp_path / "model")})
    assert vectors.values.shape == (80, 8)
    np.testing.assert_allclose(np.linalg.norm(vectors.values, axis=1), 1, atol=1e-6)
    assert vectors.map_text is not None
    found = vectors.map_text(own.scenes["text"][4])
    np.testing.assert_allclose(found, vectors.values[4], atol=1e-5)
