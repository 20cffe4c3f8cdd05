import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbringing.corpus.repair import repair

EXPORT = """>[!user] **Hanna** - 03.02.2024 at 7:15
> Почему первая глава — «Пожар»?
<!-- UID: 11111111-2222-4333-8444-555555555555 -->


>[!assistant] **Guide** - 03.02.2024 at 7:16
> Потому что 🔥 **запоминается** 📌 дольше, чем “тишина”…
>
> | глава | место |
> |-------|-------|
> | Пожар | → 1 ⚙️ |
<!-- UID: 66666666-7777-4888-9999-000000000000 -->
"""


def mangled(text: str) -> str:
    return text.encode().decode("mac_roman")


def test_a_chat_export_read_as_mac_roman_comes_back_to_the_character():
    assert repair(mangled(EXPORT)) == EXPORT


def test_a_lost_character_costs_only_its_neighbour():
    broken = mangled("Да, первое впечатление — главное")[1:]
    assert repair(broken).endswith("а, первое впечатление — главное")


def test_a_sound_half_beside_a_mangled_half_stays_as_it_is():
    sound = "Сцена — «вторая», и “третья”.\n"
    assert repair(mangled(EXPORT) + sound) == EXPORT + sound


def test_what_ftfy_knows_is_repaired_line_by_line():
    text = "schÃ¶n und gut\nÐ¿Ñ€Ð¸Ð²ÐµÑ‚, Ð¼Ð¸Ñ€\nnaïve\n"
    assert repair(text) == "schön und gut\nпривет, мир\nnaïve\n"


@pytest.mark.parametrize(
    "text",
    [
        "Plain ASCII & 'straight quotes' &amp; ﬁ stays\r\n",
        "Curly “quotes”, ‘single’ ones, a dash — and an ellipsis…\u00a0ﬁne ½",
        "L’été dernier, l’école d’à côté a fermé ; « États » et “Élan” restent, l’âme légère.",
        "Сцена — «вторая», и “третья” — не последняя.",
        EXPORT,
    ],
)
def test_sound_text_is_not_touched(text):
    assert repair(text) == text


@given(st.text("абвёжЯ “”«»—…🔥⚙️\n| *>", max_size=60))
def test_a_mangled_text_comes_back_and_stays(text):
    assert repair(mangled(EXPORT + text)) == EXPORT + text
    assert repair(EXPORT + text) == EXPORT + text
