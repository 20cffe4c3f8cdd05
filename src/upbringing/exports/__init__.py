"""Between order and training: orders in the formats of other trainers, and back."""

from upbringing.exports.checking import verify_export
from upbringing.exports.importing import import_order
from upbringing.exports.megatron_cache import index_cache
from upbringing.exports.options import FORMATS, ExportOptions
from upbringing.exports.writing import export_order

__all__ = [
    "FORMATS",
    "ExportOptions",
    "export_order",
    "import_order",
    "index_cache",
    "verify_export",
]
