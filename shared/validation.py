"""The messages of pydantic's errors in Korean and English, by the error's type."""

from collections.abc import Mapping
from typing import Any, Final

from shared.contracts.wording import Sentence, Template

FORM: Final = Template(
    "The value is not of the form that is needed here.",
    "값의 형식이 올바르지 않습니다.",
)
TEXTS: Final[dict[str, Template]] = {
    "missing": Template("This field is missing.", "이 항목을 적어야 합니다."),
    "extra_forbidden": Template("There is no such field.", "이런 항목은 없습니다."),
    "json_invalid": Template("This is not well-formed JSON.", "올바른 형식의 JSON이 아닙니다."),
    "value_error": Template(
        "The value cannot be taken: {error}.",
        "값을 받을 수 없습니다: {error}.",
    ),
    "assertion_error": Template("The value cannot be taken.", "값을 받을 수 없습니다."),
    "none_required": Template("It must be null.", "null이어야 합니다."),
    "bool_type": Template("It must be true or false.", "true 또는 false여야 합니다."),
    "int_type": Template("It must be a whole number.", "정수여야 합니다."),
    "int_parsing_size": Template("The number is too large.", "수가 너무 큽니다."),
    "int_from_float": Template(
        "It must be a whole number, without a fraction.",
        "소수 부분이 없는 정수여야 합니다.",
    ),
    "float_type": Template("It must be a number.", "수여야 합니다."),
    "finite_number": Template("It must be a finite number.", "유한한 수여야 합니다."),
    "greater_than": Template("It must be more than {gt}.", "{gt}보다 커야 합니다."),
    "greater_than_equal": Template("It must be at least {ge}.", "{ge} 이상이어야 합니다."),
    "less_than": Template("It must be less than {lt}.", "{lt}보다 작아야 합니다."),
    "less_than_equal": Template("It must be at most {le}.", "{le} 이하여야 합니다."),
    "multiple_of": Template(
        "It must be a multiple of {multiple_of}.",
        "{multiple_of}의 배수여야 합니다.",
    ),
    "string_type": Template("It must be a text.", "문자열이어야 합니다."),
    "string_unicode": Template(
        "It must be whole Unicode characters.",
        "온전한 유니코드 문자여야 합니다.",
    ),
    "string_too_short": Template(
        "It must have at least {min_length} characters.",
        "{min_length}자 이상이어야 합니다.",
    ),
    "string_too_long": Template(
        "It must have at most {max_length} characters.",
        "{max_length}자 이하여야 합니다.",
    ),
    "string_pattern_mismatch": Template(
        "It must match the pattern {pattern}.",
        "{pattern} 형식에 맞아야 합니다.",
    ),
    "string_not_ascii": Template(
        "It must be ASCII characters alone.",
        "ASCII 문자만 쓸 수 있습니다.",
    ),
    "enum": Template("It must be one of {expected}.", "다음 중 하나여야 합니다: {expected}."),
    "too_short": Template(
        "It must have at least {min_length} entries.",
        "{min_length}개 이상이어야 합니다.",
    ),
    "too_long": Template(
        "It must have at most {max_length} entries.",
        "{max_length}개 이하여야 합니다.",
    ),
    "list_type": Template("It must be a list.", "목록이어야 합니다."),
    "dict_type": Template("It must be an object.", "객체여야 합니다."),
    "invalid_key": Template(
        "The names of an object are texts.",
        "객체의 이름은 문자열이어야 합니다.",
    ),
    "set_item_not_hashable": Template(
        "An entry of this list must be a single value.",
        "이 목록의 값은 단일 값이어야 합니다.",
    ),
    "recursion_loop": Template("It is nested too deep.", "중첩이 너무 깊습니다."),
    "date_type": Template(
        "It must be a date, such as 2026-11-24.",
        "2026-11-24와 같은 날짜여야 합니다.",
    ),
    "date_from_datetime_inexact": Template(
        "It must be a date without a time.",
        "시각이 없는 날짜여야 합니다.",
    ),
    "date_past": Template("It must lie in the past.", "지난 날짜여야 합니다."),
    "date_future": Template("It must lie in the future.", "앞으로의 날짜여야 합니다."),
    "time_type": Template(
        "It must be a time, such as 09:00:00.",
        "09:00:00과 같은 시각이어야 합니다.",
    ),
    "datetime_type": Template(
        "It must be a time, such as 2026-11-24T09:00:00Z.",
        "2026-11-24T09:00:00Z와 같은 일시여야 합니다.",
    ),
    "timezone_aware": Template(
        "It must say its time zone, such as Z or +09:00.",
        "Z 또는 +09:00과 같은 시간대를 적어야 합니다.",
    ),
    "timezone_naive": Template("It must not have a time zone.", "시간대를 적지 않아야 합니다."),
    "time_delta_type": Template(
        "It must be a duration, such as P1D.",
        "P1D와 같은 기간이어야 합니다.",
    ),
    "union_tag_invalid": Template(
        "The value of {discriminator} must be one of {expected_tags}.",
        "{discriminator}의 값은 다음 중 하나여야 합니다: {expected_tags}.",
    ),
    "union_tag_not_found": Template(
        "It must say its kind in {discriminator}.",
        "{discriminator}에 종류를 적어야 합니다.",
    ),
    "url_type": Template(
        "It must be a URL, such as https://example.org/.",
        "https://example.org/와 같은 URL이어야 합니다.",
    ),
    "url_scheme": Template(
        "The URL must begin with {expected_schemes}.", "URL은 다음으로 시작하여야 합니다: {expected_schemes}."
    ),
    "url_too_long": Template(
        "The URL must have at most {max_length} characters.",
        "URL은 {max_length}자 이하여야 합니다.",
    ),
    "uuid_type": Template("It must be a UUID.", "UUID여야 합니다."),
    "uuid_version": Template(
        "It must be a UUID of version {expected_version}.",
        "버전 {expected_version}의 UUID여야 합니다.",
    ),
    "decimal_max_digits": Template(
        "It must have at most {max_digits} digits.",
        "{max_digits}자리 이하여야 합니다.",
    ),
    "decimal_max_places": Template(
        "It must have at most {decimal_places} decimals.", "소수 {decimal_places}자리 이하여야 합니다."
    ),
    "decimal_whole_digits": Template(
        "It must have at most {whole_digits} digits before the point.", "소수점 앞은 {whole_digits}자리 이하여야 합니다."
    ),
}
# What differs for a program, but not for a person.
ALSO: Final[dict[str, str]] = {
    "bool_parsing": "bool_type",
    "int_parsing": "int_type",
    "float_parsing": "float_type",
    "literal_error": "enum",
    "recursion_depth_exceeded": "recursion_loop",
    "model_type": "dict_type",
    "model_attributes_type": "dict_type",
    "mapping_type": "dict_type",
    "tuple_type": "list_type",
    "set_type": "list_type",
    "frozen_set_type": "list_type",
    "iterable_type": "list_type",
    "date_parsing": "date_type",
    "date_from_datetime_parsing": "date_type",
    "time_parsing": "time_type",
    "datetime_parsing": "datetime_type",
    "datetime_object_invalid": "datetime_type",
    "datetime_from_date_parsing": "datetime_type",
    "time_delta_parsing": "time_delta_type",
    "url_parsing": "url_type",
    "url_syntax_violation": "url_type",
    "uuid_parsing": "uuid_type",
    "bytes_type": "string_type",
    "decimal_type": "float_type",
    "decimal_parsing": "float_type",
    "fraction_type": "float_type",
    "fraction_parsing": "float_type",
    "dataclass_type": "dict_type",
}


def sentence(error: Mapping[str, Any]) -> Sentence:
    """What is wrong with a field, without its value, from an entry of `ValidationError.errors()`."""
    kind, context = str(error["type"]), dict(error.get("ctx") or {})
    if "error" in context:
        context["error"] = reason(context["error"])
    if "expected" in context:  # pydantic lists values as an English enumeration
        listed = str(context["expected"])
        context["expected"] = Sentence(listed, ko=listed.replace(" or ", ", "))
    return TEXTS.get(ALSO.get(kind, kind), FORM)(**context)


def reason(raised: object) -> str:
    """The words of a ValueError; a Sentence keeps its Korean."""
    words = raised.args[0] if isinstance(raised, Exception) and raised.args else raised
    return words if isinstance(words, str) else str(words)
