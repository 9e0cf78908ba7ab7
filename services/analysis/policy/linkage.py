"""Shares of linked and used rows that a person has to explain before a result may leave."""

from collections.abc import Iterator, Mapping

from services.analysis.rules import Rules
from shared.contracts import Alarm, LocalText, RowBalance
from shared.times import share


def linkage_alarms(rates: Mapping[str, float], balance: Mapping[str, RowBalance], rules: Rules) -> Iterator[Alarm]:
    """An alarm for each input in which few base rows were found, and for each of which few rows could be used."""
    for role, rate in rates.items():
        if rate < rules.few_linked.value:
            told = share(round(rate * 1_000_000), 1_000_000)
            en = f"Only {told} of the base rows were found in the input {role}: are its keys and periods written alike?"
            ko = f"기준 행의 {korean(told)}만 입력 {role}에서 찾았습니다. 번호와 기간의 표기가 같은지 확인하십시오."
            yield Alarm(code="few-rows-linked", detail=en, feature=role, title=LocalText(ko=ko, en=en))
    for role, each in balance.items():
        kept = each.read - sum(each.dropped.values()) - each.unreadable
        if kept < each.read * rules.few_used.value:
            told = share(kept, each.read)
            en = f"Only {told} of the rows of the input {role} have a usable key; the others were left out."
            ko = f"입력 {role}의 행 가운데 {korean(told)}에만 쓸 수 있는 번호가 있어 나머지는 제외했습니다."
            yield Alarm(code="few-rows-used", detail=en, feature=role, title=LocalText(ko=ko, en=en))


def korean(told: str) -> str:
    return told.replace("less than 1%", "1% 미만")
