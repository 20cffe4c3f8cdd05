"""Vectors: where each scene of a corpus lies, so that it can be asked which are near one another.

Takes a corpus and a source, gives `Vectors`, written once into the corpus's folder and never made
anew silently:

    corpus/vectors/<name>/vectors.npy     (num_scenes, d) float32, of length 1
    corpus/vectors/<name>/vectors.json    manifest: recipe, corpus, source
    corpus/vectors/tfidf/words.parquet, axes.npy   what maps further texts (TF-IDF only)

Sources: `tfidf`; a person's own `.npy` file; a model2vec or sentence-transformers model in a local
folder (extra `vectors`). A scene that a source knows nothing of has the vector 0: near to none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from upbringing.corpus.store import TRAIN, Corpus
from upbringing.corpus.tfidf import RECIPE, WordSpace
from upbringing.errors import ArtefactError, InputError
from upbringing.files import (
    file_digest,
    folder_digest,
    open_manifest,
    read_json,
    staged,
    write_manifest,
)
from upbringing.identity import digest_array

FORMAT = "vectors/1"
TFIDF = "tfidf"
MODELS = ("model2vec", "sentence_transformers")

Floats = npt.NDArray[np.float32]
Source = str | Mapping[str, str]
"""`tfidf`, the path of a `.npy` file, or `{model2vec: folder}`, `{sentence_transformers: folder}`.
"""

_TEXTS_AT_ONCE = 4_096
_NOTHING = 1e-6  # a vector shorter than that has no direction


@dataclass(frozen=True)
class Vectors:
    """The vectors of a corpus's scenes.

    values    (num_scenes, d) float32 by row of scenes.parquet, all splits, of length 1 or 0; read
              from disk
    digest    SHA-256 (hex) of the values (`identity.digest_array`)
    map_text  a further text → its vector (d,), or None where the source is a table of vectors
    """

    values: Floats
    digest: str
    map_text: Callable[[str], Floats] | None

    def of(self, rows: npt.NDArray[np.integer[Any]]) -> Floats:
        """The vectors of these rows, (n, d), in memory."""
        return np.asarray(self.values[rows])


def read_source(said: Any) -> Source:
    """What a person may write for a source. Raises `ValueError` for anything else."""
    if isinstance(said, str) and (said == TFIDF or said.endswith(".npy")):
        return said
    if isinstance(said, Mapping) and len(said) == 1:
        name, folder = next(iter(said.items()))
        if name in MODELS and isinstance(folder, (str, Path)):
            return {name: str(folder)}
    raise ValueError(
        f"vectors are {TFIDF}, the path of a .npy file, "
        "{model2vec: FOLDER} or {sentence_transformers: FOLDER}"
    )


def vectors_of(corpus: Corpus, source: Source = TFIDF) -> Vectors:
    """The corpus's vectors from `source`: opened if written before, else made and written.

    Raises `InputError` for a source that cannot be used, `ArtefactError` when what was written is
    damaged, of another corpus or made by another recipe.
    """
    source = read_source(source)
    if isinstance(source, Mapping):
        return _of_model(corpus, *next(iter(source.items())))
    return _of_words(corpus) if source == TFIDF else _of_file(corpus, Path(source))


def _of_words(corpus: Corpus) -> Vectors:
    def write(draft: Path) -> Floats:
        scenes = corpus.columns(["text", "lang", "split"])
        train = scenes.filter(split=TRAIN)
        space = WordSpace.fit(train["text"].to_list(), train["lang"].to_list())
        if not len(space.axes):
            raise InputError(
                "no word stands in two scenes of a language, so there is nothing to compare",
                where=str(corpus.path),
                do="give vectors of your own: `vectors: FILE.npy`",
            )
        space.write(draft)
        return space.vectors(scenes["text"].to_list(), scenes["lang"].to_list())

    place = corpus.path / "vectors" / TFIDF
    values, digest = _kept(place, corpus, RECIPE, {}, write)
    space = WordSpace.read(place)
    return Vectors(
        values, digest, lambda text: _of_length_1(space.vectors([text], [space.lang_of(text)]))[0]
    )


def _of_file(corpus: Corpus, file: Path) -> Vectors:
    if not file.is_file():
        raise InputError("no such file of vectors", where=str(file), allowed="a .npy file")
    source = file_digest(file)
    place = corpus.path / "vectors" / f"own-{source[:16]}"
    recipe = {"method": "a table of vectors, given"}
    kept = _kept(place, corpus, recipe, {"vectors": source}, lambda _: _checked(file, corpus))
    return Vectors(*kept, map_text=None)


def _checked(file: Path, corpus: Corpus) -> npt.NDArray[Any]:
    """The table in a file; `InputError` unless it has a finite row for each scene."""
    where = str(file)
    try:
        values: npt.NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"is not an array of numbers: {error}", where=where) from error
    if values.dtype.kind not in "fiu" or values.ndim != 2 or not values.size:
        raise InputError(
            f"holds {values.dtype} of shape {values.shape}",
            where=where,
            allowed="numbers of shape (scenes, dimensions)",
        )
    if len(values) != corpus.num_scenes:
        raise InputError(
            f"has {len(values):,} rows, and {corpus.path} has {corpus.num_scenes:,} scenes",
            where=where,
            do="give one row for each row of scenes.parquet, held-out scenes too",
        )
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(wrong):
        raise InputError(f"row {wrong[0]} is not finite, and {len(wrong)} are not", where=where)
    return values


def _of_model(corpus: Corpus, name: str, said: str) -> Vectors:
    folder = Path(said)
    if not folder.is_dir():
        raise InputError(
            f"no such folder with a {name} model",
            where=said,
            do="download the model before: nothing is asked of the network here",
        )
    model = folder_digest(folder)

    def write(_: Path) -> Floats:
        encode = _ENCODERS[name](folder)
        texts = corpus.column("text").tolist()
        parts = range(0, len(texts), _TEXTS_AT_ONCE)
        return np.concatenate([encode(texts[low : low + _TEXTS_AT_ONCE]) for low in parts])

    def map_text(text: str) -> Floats:
        vector: Floats = _of_length_1(_ENCODERS[name](folder)([text]))[0]
        return vector

    place = corpus.path / "vectors" / f"{name}-{model[:16]}"
    values, digest = _kept(place, corpus, {"method": name}, {"model": model}, write)
    return Vectors(values, digest, map_text)


def _model2vec(folder: Path) -> Callable[[Sequence[str]], Floats]:
    try:
        from model2vec import StaticModel
    except ImportError as error:
        raise _missing_extra("model2vec") from error
    with _opening(folder, "model2vec"):
        model = StaticModel.from_pretrained(folder, normalize=False, force_download=False)
    return lambda texts: np.asarray(model.encode(texts, use_multiprocessing=False), np.float32)


def _sentence_transformers(folder: Path) -> Callable[[Sequence[str]], Floats]:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise _missing_extra("sentence-transformers") from error
    modules = folder / "modules.json"
    if modules.is_file() and any(
        not str(one.get("type")).startswith("sentence_transformers.") for one in read_json(modules)
    ):
        # Some versions of the library run code that lies in a local folder, trusted or not.
        raise InputError(
            "the model brings code of its own, and no code is run from data", where=str(modules)
        )
    with _opening(folder, "sentence-transformers"):
        model = SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    return lambda texts: np.asarray(
        model.encode(list(texts), show_progress_bar=False, convert_to_numpy=True), np.float32
    )


_ENCODERS = dict(zip(MODELS, (_model2vec, _sentence_transformers), strict=True))


@contextmanager
def _opening(folder: Path, package: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the libraries raise whatever they meet
        raise InputError(f"is not a model of {package}: {error}", where=str(folder)) from error


def _missing_extra(package: str) -> InputError:
    return InputError(
        f"these vectors need {package}, which is not installed",
        do="pip install 'upbringing[vectors]'",
    )


def _kept(
    place: Path,
    corpus: Corpus,
    recipe: Mapping[str, Any],
    inputs: Mapping[str, str],
    make: Callable[[Path], npt.NDArray[Any]],
) -> tuple[Floats, str]:
    """The values at `place` and their digest; `make` gives them, in any length, if none are there.

    `make` may put further files into the folder that it is given.
    """
    if not place.exists():
        with staged(place, shared=True) as draft:
            values = _of_length_1(make(draft))
            np.save(draft / "vectors.npy", values)
            write_manifest(
                draft,
                FORMAT,
                recipe=recipe,
                inputs={"corpus": corpus.digest, **inputs},
                facts={
                    "num_scenes": len(values),
                    "num_dims": values.shape[1],
                    "num_without": int((~values.any(axis=1)).sum()),
                    "values": digest_array(values),
                },
            )
    manifest = open_manifest(place, FORMAT)
    for what, is_own in (
        ("are of another corpus", manifest.inputs["corpus"] == corpus.digest),
        ("were made by another recipe", manifest.recipe == recipe),
    ):
        if not is_own:
            raise ArtefactError(f"vectors {what}", where=str(place), do="remove this folder")
    values = np.load(place / "vectors.npy", mmap_mode="r", allow_pickle=False)
    return values, manifest.facts["values"]


def _of_length_1(values: npt.NDArray[Any]) -> Floats:
    """Rows as float32 of length 1; 0 where there is no direction."""
    kept = np.empty(values.shape, dtype=np.float32)
    for low in range(0, len(values), _TEXTS_AT_ONCE):
        part = np.asarray(values[low : low + _TEXTS_AT_ONCE], dtype=np.float64)
        lengths = np.sqrt((part**2).sum(axis=1, keepdims=True))
        kept[low : low + _TEXTS_AT_ONCE] = np.divide(
            part, lengths, out=np.zeros_like(part), where=lengths > _NOTHING
        )
    return kept
