"""Writing an export: an order in another trainer's format, as a folder that proves what it is.

export/data/         what the other trainer reads
export/tokenizer/    the tokenizer, where the format holds tokens: a Hugging Face folder
export/cache/        Megatron's index cache, if a description was given
export/README.md     what must be set there so that the order holds; not in the manifest
export/export.json   manifest: the options, digests of order, corpus, tokenizer and every file
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from upbringing.corpus import load_tokenizer, tokenize, write_tokenizer
from upbringing.exports.advice import Facts, readme
from upbringing.exports.formats import ROW_FORMATS, VISIT_FORMATS
from upbringing.exports.laid import Laid, lay
from upbringing.exports.megatron_cache import check_description, lay_indices
from upbringing.exports.options import FORMAT, ExportOptions
from upbringing.exports.visits import visits_of
from upbringing.files import Manifest, read_text, staged, write_manifest, write_text
from upbringing.order import Order

_WHAT_BELONGS = ("data/**/*", "tokenizer/*", "cache/*")


def export_order(order: Order, place: Path | str, options: ExportOptions) -> Manifest:
    """Write an order at `place`, which must not exist, in the format of the options.

    Raises `InputError` for scenes that the rows cannot hold, and for a description of Megatron's
    under which the order would not be read whole and once.
    """
    place = Path(place)
    if options.format in VISIT_FORMATS:
        ranks = options.ranks or 1
        with staged(place) as draft:
            (draft / "data").mkdir()
            with visits_of(order, scratch=draft) as visits:
                VISIT_FORMATS[options.format].write(draft / "data", visits, ranks)
            write_text(
                draft / "README.md", readme(order, place, options.format, Facts(ranks=ranks))
            )
            return _describe(draft, order, options, {}, {})
    laid = _laid(order, options)
    description = _description(options, laid)
    tokens = laid.rows.tokens
    with staged(place) as draft:
        for folder in ("data", "tokenizer"):
            (draft / folder).mkdir()
        ROW_FORMATS[options.format].write(draft / "data", laid)
        write_tokenizer(draft / "tokenizer", tokens.tokenizer)
        if description is not None:
            lay_indices(draft / "data", draft / "cache", description)
        facts = Facts(
            num_rows=laid.num_rows,
            num_fillers=laid.num_rows - laid.rows.num_rows,
            row_length=laid.row_length,
            ranks=options.ranks or 1,
            batch_size=options.batch_size or 1,
            num_vocab=tokens.num_vocab,
            end=tokens.end_of_text,
            dtype=laid.dtype.name,
        )
        write_text(draft / "README.md", readme(order, place, options.format, facts))
        rows = {"num_rows": laid.num_rows, "num_tokens": laid.rows.num_tokens}
        return _describe(draft, order, options, {"tokenizer": tokens.digest}, rows)


def _laid(order: Order, options: ExportOptions) -> Laid:
    assert options.tokenizer is not None, "checked by ExportOptions"
    assert options.row_length is not None, "checked by ExportOptions"
    tokens = tokenize(order.corpus, load_tokenizer(options.tokenizer))
    return lay(order, tokens, options.row_length, options.packing, options.multiple)


def _description(options: ExportOptions, laid: Laid) -> str | None:
    """What Megatron said of its dataset, checked; None where nothing was given."""
    file = options.description
    if file is None:
        return None
    text = read_text(file)
    check_description(text, laid.row_length, laid.num_rows, where=str(file))
    return text


def _describe(
    draft: Path,
    order: Order,
    options: ExportOptions,
    inputs: dict[str, str],
    facts: dict[str, Any],
) -> Manifest:
    return write_manifest(
        draft,
        FORMAT,
        recipe=options.recipe,
        inputs={"order": order.digest, "corpus": order.corpus.digest, **inputs},
        facts={"num_visits": order.num_visits, "visits": order.visits_digest, **facts},
        only=_WHAT_BELONGS,
    )
