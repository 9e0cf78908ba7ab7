"""What unfit cells and warnings say to the steward, in Korean and English."""

from services.catalog.schemas.reports import Cause, FileError, Warned
from services.catalog.schemas.sentences import SENTENCES
from shared.contracts import Value


class Sentence(Value):
    """The same sentence in Korean and in English."""

    ko: str
    en: str


CAUSES: dict[Cause, tuple[str, str]] = {
    Cause.THOUSANDS: (
        "천 단위 구분 쉼표가 있는 수는 받지 않습니다. 쉼표 없이 적으십시오.",
        "Thousands separators are not taken. Write the number without them.",
    ),
    Cause.BLANKS: (
        "값의 앞이나 뒤에 공백이 있습니다. 공백을 지우십시오.",
        "There is a blank before or behind the value. Delete it.",
    ),
    Cause.PERCENT: (
        "백분율 기호가 있습니다. 기호 없이 수만 적고 단위는 표 정의에 적으십시오.",
        "There is a percent sign. Write the number alone; its unit stands in the table definition.",
    ),
    Cause.UNIT: (
        "수와 함께 단위나 통화 기호가 있습니다. 수만 적고 단위는 표 정의에 적으십시오.",
        "There is a unit or currency beside the number. Write the number alone; the table definition has the unit.",
    ),
    Cause.PARENTHESES: (
        "괄호로 적은 음수는 받지 않습니다. 앞에 -를 붙이십시오.",
        "Parentheses for a negative number are not taken. Write it with - in front.",
    ),
    Cause.TRIANGLE: (
        "△, ▲로 적은 음수는 받지 않습니다. 앞에 -를 붙이십시오.",
        "△ or ▲ for a negative number is not taken. Write it with - in front.",
    ),
    Cause.MINUS_SIGN: (
        "하이픈(-)이 아닌 다른 빼기 기호입니다. -로 적으십시오.",
        "The minus sign is not a hyphen (-). Write it with -.",
    ),
    Cause.FULL_WIDTH: (
        "전각 숫자입니다. 반각 숫자로 적으십시오.",
        "These are full-width digits. Write plain digits.",
    ),
    Cause.MISSING_WORD: (
        "값이 없다는 뜻의 말입니다. 셀을 비우거나, 표 정의에서 이 열의 missing에 그 말을 적으십시오.",
        "This word stands for a missing value. Leave the cell empty, or declare the word in the column's `missing`.",
    ),
    Cause.EXCEL_ERROR: (
        "Excel의 오류 값입니다. 수식을 고치거나 셀을 비우십시오.",
        "This is an error value of Excel. Mend the formula, or leave the cell empty.",
    ),
    Cause.SCIENTIFIC: (
        "지수 표기입니다(Excel이 긴 번호를 이렇게 바꿉니다). 번호이면 열을 텍스트로 하여 원본에서 다시 내보내십시오.",
        "This is scientific notation, into which Excel turns long numbers. If it is an id, export it again as text.",
    ),
    Cause.FRACTION: (
        "정수 열에 소수가 있습니다. 표 정의를 number로 하거나 정수로 적으십시오.",
        "A whole number is wanted, and this has a fraction. Let the table say number, or write whole numbers.",
    ),
    Cause.TOO_LARGE: (
        "64비트 정수보다 큽니다. 번호이면 표 정의를 string으로 하십시오.",
        "This is larger than a whole number of 64 bits. If it is an id, let the table say string.",
    ),
    Cause.NOT_FINITE: (
        "NaN이나 무한대는 받지 않습니다. 셀을 비우십시오.",
        "NaN and infinity are not taken. Leave the cell empty.",
    ),
    Cause.BLANK_ONLY: (
        "셀에 공백만 있습니다. 이 열은 모든 행에 값이 있어야 합니다.",
        "The cell holds nothing but blanks, and this column needs a value in every row.",
    ),
    Cause.YES_NO: (
        "예/아니오 표기입니다. true/false 또는 1/0으로 적으십시오.",
        "This is a word for yes or no. Write true or false, or 1 or 0.",
    ),
    Cause.OTHER_DATE: (
        "다른 형식의 날짜입니다. YYYY-MM-DD로 적으십시오.",
        "This is a date in another format. Write it as YYYY-MM-DD.",
    ),
    Cause.NO_SUCH_DAY: ("달력에 없는 날짜입니다.", "There is no such day in the calendar."),
    Cause.SERIAL_DAY: (
        "Excel의 날짜 일련번호로 보입니다. YYYY-MM-DD로 적으십시오.",
        "This looks like Excel's serial number of a day. Write it as YYYY-MM-DD.",
    ),
    Cause.OFFSET: (
        "시간대 표기를 읽을 수 없습니다. Z로 끝나는 UTC 일시로 적으십시오.",
        "The time zone cannot be read here. Write the time in UTC, with Z behind it.",
    ),
    Cause.TIME_OF_DAY: (
        "날짜 열에 시각이 있습니다. 표 정의를 datetime으로 하거나 날짜만 적으십시오.",
        "There is a time of day in a column of dates. Let the table say datetime, or write the date alone.",
    ),
    Cause.INDEX: (
        "pandas의 색인 열입니다. index=False로 저장하거나 열을 지우십시오.",
        "This is the index of pandas. Write the file with index=False, or drop the column.",
    ),
    Cause.CASE: (
        "표 정의의 이름과 대소문자만 다릅니다. 이름을 맞추십시오.",
        "It differs from a name of the table definition in letter case alone. Write it the same way.",
    ),
}
WARNINGS: dict[Warned, tuple[str, str]] = {
    Warned.HEADER_TRIMMED: (
        "머리글의 이름 앞뒤에 공백이나 보이지 않는 글자가 있어 떼어 냈습니다.",
        "The name in the header has blanks or invisible characters around it; they were taken off.",
    ),
    Warned.EMPTY_COLUMNS: (
        "이름도 값도 없는 열 {count}개를 떼어 냈습니다.",
        "Columns with neither name nor value, which were dropped: {count}.",
    ),
    Warned.LINE_ENDS: (
        "줄바꿈이 섞여 있습니다({count}줄이 머리글과 다름). 하나로 맞추었습니다.",
        "Line ends are mixed ({count} lines differ from the header); they were made one.",
    ),
    Warned.BLANK_LINES: (
        "파일 끝의 빈 줄 {count}개를 떼어 냈습니다.",
        "Blank lines at the end of the file, which were dropped: {count}.",
    ),
    Warned.KEY_DUPLICATE: (
        "여러 행에 나오는 키가 {count}개입니다. {together_ko}한 행에 한 키를 원하는 분석은 거절됩니다.",
        "Keys that stand in more than one row (duplicates): {count}. {together_en}Methods that want a key once refuse this.",
    ),
    Warned.KEY_BLANK: (
        "키가 비어 있거나 공백뿐인 행이 {count}개입니다. 연계에서 빠집니다.",
        "Rows whose key is empty or blank: {count}. They drop out of linkage.",
    ),
    Warned.KEY_PLACEHOLDER: (
        "키가 아닌 말이나 기호(-, 0000000, 해당없음, 합계 등)가 키 자리에 있는 행이 {count}개입니다. 연계에서 빠집니다.",
        "Rows with a placeholder for a key (-, 0000000, a word for missing or total): {count}. They drop out of linkage.",
    ),
    Warned.KEY_LENGTHS: (
        "키의 길이가 {shortest}자에서 {longest}자까지 다릅니다. 앞자리 0이 지워지지 않았는지 확인하십시오.",
        "Keys are {shortest} to {longest} characters long. See whether zeros at the front were lost.",
    ),
    Warned.KEY_ALPHABETS: (
        "키에 쓰인 글자의 종류가 행마다 다릅니다: {kinds}.",
        "Keys are written in different alphabets: {kinds}.",
    ),
    Warned.KEY_CASES: (
        "대소문자만 다른 키가 {count}개입니다. 서로 다른 키로 다룹니다.",
        "Keys that differ in letter case alone: {count}. They count as different keys.",
    ),
    Warned.KEY_SEPARATORS: (
        "구분 기호(-, ., /, 공백)가 있는 키가 {share}%입니다. 나머지에는 없습니다.",
        "{share}% of the keys have separators (-, ., / or blanks); the others have none.",
    ),
    Warned.KEY_SPELLINGS: (
        "표기를 고르게 해야 하는 키가 {count}개입니다(전각, 보이지 않는 글자, 다른 대시 등). 연계할 때 고르게 합니다.",
        "Keys written with full-width or invisible characters or other dashes: {count}. Linkage evens them out.",
    ),
    Warned.KEY_UNLIKE_DOMAIN: (
        "{domain_ko}의 형식에 맞지 않는 키가 {count}개입니다(자릿수 또는 검증 번호).",
        "Keys not written as those of the domain {domain} are (digits or check digit): {count}.",
    ),
    Warned.KEY_TYPE: (
        "키의 형식이 {wanted}입니다. 연계하는 분석은 string 키만 받습니다.",
        "The key is of type {wanted}. Methods that link tables want keys of type string.",
    ),
    Warned.KEY_WAS_NUMBER: (
        "키 {count}개가 통합 문서에 숫자로 저장되어 있습니다. 앞자리 0이 지워졌을 수 있습니다.",
        "Keys that are numbers in the workbook: {count}. Zeros at the front may have been lost.",
    ),
    Warned.CATEGORY_SPELLINGS: (
        "같은 말이 여러 표기로 적혀 있습니다({count}개). 분석할 때 하나로 합칩니다.",
        "Words spelled in more than one way (blanks, full-width or decomposed letters): {count}. They count as one.",
    ),
    Warned.CATEGORY_MISSING_WORDS: (
        "값이 없다는 뜻의 말이 {count}개 행에 있습니다. 표 정의의 missing에 적으면 빈 값으로 다룹니다.",
        "Rows with a word for a missing value: {count}. Declare it in the column's `missing` and it counts as empty.",
    ),
    Warned.TOTAL_ROWS: (
        "합계나 주석으로 보이는 행이 {count}개입니다. 자료의 행이 아니면 지우십시오.",
        "Rows that look like totals or footnotes: {count}. Delete them if they are no rows of the data.",
    ),
    Warned.NOT_PROFILED: (
        "자료가 커서 이 열의 키와 표기를 다 살펴보지 못했습니다.",
        "The table is too large to look at every key and spelling of this column.",
    ),
}


def sentence(error: FileError) -> Sentence:
    """What an error or warning says."""
    if isinstance(error.code, Warned):
        ko, en = WARNINGS[error.code]
    else:
        ko, en = CAUSES[error.cause] if error.cause else SENTENCES[error.code]
    facts = {"count": error.count, **error.facts}
    ko, en = ko.format_map(facts), en.format_map(facts)
    if len(error.lines) > 1:
        some = ", ".join(map(str, error.lines))
        ko, en = f"{ko} (행 {some})", f"{en} (Lines {some}.)"
    return Sentence(ko=ko, en=en)
