"""study → page: a finished study as one self-contained HTML file, a picture, a biography."""

from upbringing.report.arrangement_picture import arrangement_picture
from upbringing.report.biography import Answer, Biography, Moment, biography
from upbringing.report.corpus_page import write_corpus_page
from upbringing.report.imprint_picture import imprint_picture, plan_picture
from upbringing.report.order_picture import order_picture
from upbringing.report.page import write_page
from upbringing.report.picture import picture

__all__ = [
    "Answer",
    "Biography",
    "Moment",
    "arrangement_picture",
    "biography",
    "imprint_picture",
    "order_picture",
    "picture",
    "plan_picture",
    "write_corpus_page",
    "write_page",
]
