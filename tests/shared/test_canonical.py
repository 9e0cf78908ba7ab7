"""The canonical form of keys and texts: equal for all spellings, different for different keys."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.canonical import (
    TEXT_RULE,
    KeyFault,
    KeyRule,
    Placeholder,
    canonical_key,
    canonical_text,
    key_fault,
    key_rule,
    linkable_key,
    placeholder,
    rules,
)
from tests.exploring import examples

BUSINESS, FACILITY, PERSON = key_rule("business"), key_rule("facility"), key_rule("person")
RULES = st.sampled_from([TEXT_RULE, *rules().key_domains])
INVISIBLE = ["\u200b", "\u200c", "\u200d", "\ufeff", "\u00ad", "\u2060", "\u202a", "\u202e", "\u200f", "\ufe0f", "\u034f"]
BLANKS = [" ", "\t", "\u00a0", "\u3000", "\u2003", "\u202f", "\u2009", "\u205f", "\u3164", "\uffa0", "\n", "\x00"]
DASHES = list("-‐‑‒–—―−﹣－﹘⁃─━〜")
LETTERS = st.text(alphabet=st.characters(categories=["L", "M", "N", "P", "S", "Z", "Cf", "Cc"]), max_size=12)


def full_width(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


@given(LETTERS, RULES)
@example("a\u200b\u0308", TEXT_RULE)
@example("\u1112\u200b\u1161\u11ab", TEXT_RULE)
@example("\u00a8", TEXT_RULE)
@settings(max_examples=examples(500))
def test_the_canonical_form_is_its_own_canonical_form(raw: str, rule: KeyRule) -> None:
    key, text = canonical_key(raw, rule), canonical_text(raw)
    assert canonical_key(key, rule) == key
    assert canonical_text(text) == text
    assert unicodedata.is_normalized("NFKC", key)
    assert unicodedata.is_normalized("NFKC", text)
    assert not any(unicodedata.category(one)[0] in "ZC" for one in key)


KEYS = st.from_regex(r"[A-Z가-힣]{0,3}[0-9]{1,6}(-[0-9]{1,5}){0,2}", fullmatch=True)


@given(KEYS, st.data())
@settings(max_examples=examples(300))
def test_every_spelling_of_a_key_is_one_key(key: str, data: st.DataObject) -> None:
    spelled = unicodedata.normalize(data.draw(st.sampled_from(["NFC", "NFD", "NFKD"])), key)
    if data.draw(st.booleans()):
        spelled = full_width(spelled)
    dash = data.draw(st.sampled_from(DASHES))
    spelled = spelled.replace("-", dash).replace("－", dash)
    for unseen in data.draw(st.lists(st.sampled_from([*INVISIBLE, *BLANKS]), max_size=4)):
        at = data.draw(st.integers(0, len(spelled)))
        spelled = spelled[:at] + unseen + spelled[at:]
    assert canonical_key(spelled) == canonical_key(key) == key
    assert canonical_key(spelled, BUSINESS) == canonical_key(key, BUSINESS)


@given(KEYS, KEYS)
@settings(max_examples=examples(300))
def test_different_keys_stay_different(one: str, other: str) -> None:
    assert (canonical_key(one) == canonical_key(other)) == (one == other)
    bare = (one.replace("-", ""), other.replace("-", ""))
    if bare[0] != bare[1]:
        assert canonical_key(one, BUSINESS) != canonical_key(other, BUSINESS)


@pytest.mark.parametrize(
    "spelled",
    [
        "123-45-67891",
        "123–45–67891",
        "１２３－４５－６７８９１",
        "123 45 67891",
        "123.45.67891",
        "\ufeff1234567891\u00a0",
        "123ㅡ45ー67891",
    ],
)
@pytest.mark.parametrize("domain", ["business", "facility", "person", "business_no"])
def test_a_number_is_its_digits(spelled: str, domain: str) -> None:
    assert canonical_key(spelled, key_rule(domain)) == "1234567891"


@pytest.mark.parametrize(
    ("one", "other", "domain"),
    [
        ("fac001", "FAC001", "facility"),
        ("00012345", "12345", "business"),
        ("12-3", "1-23", "facility"),
        ("12-3", "1-23", "parcel"),
        ("123-45-67891", "1234567891", "parcel"),
        ("FAC-001", "FAC001", "business"),
        ("ー12", "-12", "parcel"),
    ],
)
def test_what_cannot_be_decided_stays_apart(one: str, other: str, domain: str) -> None:
    assert canonical_key(one, key_rule(domain)) != canonical_key(other, key_rule(domain))


@pytest.mark.parametrize(
    "spelled",
    [
        "서울 강남",
        "\u1109\u1165\u110b\u116e\u11af 강남",
        " 서울\u00a0강남 ",
        "서울\u3000강남",
        "서울\u200b 강남\ufeff",
        "서울 \t강남\n",
        "서울\u3164강남",
    ],
)
def test_a_category_is_one_text(spelled: str) -> None:
    assert canonical_text(spelled) == "서울 강남"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("-", Placeholder.NO_LETTER),
        ("－ ", Placeholder.NO_LETTER),
        ("***", Placeholder.NO_LETTER),
        (" \u3000\u200b", Placeholder.EMPTY),
        ("0000000000", Placeholder.REPEATED_DIGIT),
        ("999-99-99999", Placeholder.REPEATED_DIGIT),
        ("합 계", Placeholder.TOTAL),
        ("[소계]", Placeholder.TOTAL),
        ("TOTAL", Placeholder.TOTAL),
        ("해당 없음", Placeholder.MISSING),
        ("(미상)", Placeholder.MISSING),
        ("N/A", Placeholder.MISSING),
        ("#N/A", Placeholder.MISSING),
        ("NULL", Placeholder.MISSING),
        ("※ 자료: 통계청", Placeholder.FOOTNOTE),
        ("주1) 잠정치", Placeholder.FOOTNOTE),
    ],
)
@pytest.mark.parametrize("domain", ["facility", "parcel"])
def test_what_names_nobody_is_no_key(raw: str, why: Placeholder, domain: str) -> None:
    rule = key_rule(domain)
    assert placeholder(canonical_key(raw, rule), rule) is why
    assert linkable_key(raw, rule) is None


@pytest.mark.parametrize("raw", ["0", "11", "99999", "P0000", "한빛발전001", "합계동", "계룡시", "1111112", "NAVER", "-1"])
def test_what_may_name_somebody_is_a_key(raw: str) -> None:
    assert linkable_key(raw) == raw


def test_a_domain_can_say_that_a_word_is_one_of_its_keys() -> None:
    countries = KeyRule(domain="country", not_placeholders=("NA",))
    assert linkable_key("NA", countries) == "NA"
    assert linkable_key("NA") is None


@pytest.mark.parametrize(
    ("key", "domain", "fault"),
    [
        ("1234567891", "business", None),
        ("2208162517", "business", None),
        ("1248100998", "business", None),
        ("1234567890", "business", KeyFault.CHECK_DIGIT),
        ("123456789", "business", KeyFault.PATTERN),
        ("9001011234567", "person", None),
        ("A12", "person", KeyFault.PATTERN),
        ("anything", "facility", None),
    ],
)
def test_a_key_is_held_to_the_pattern_that_its_domain_declares(key: str, domain: str, fault: KeyFault | None) -> None:
    assert key_fault(key, key_rule(domain)) is fault


def test_every_rule_names_what_it_stands_on_and_when_it_is_read_again() -> None:
    names = [name for rule in rules().key_domains for name in (rule.domain, *rule.aliases)]
    assert len(names) == len(set(names))
    assert all(rule.legal_basis and rule.recheck_by for rule in rules().key_domains)
    assert rules().placeholders.recheck_by
