"""Small businesses by quarter with sales, arrears and credit, and the day on which some closed (domain reference 6b).

Truth: a hidden health of each business moves from quarter to quarter; sales follow it, and arrears and delays follow sales.
The chance to close in a quarter depends on health (it breaks below a point), on the months in business (highest in the second
year), on the industry and on the rent. `true_chance` is the chance to close within four quarters if health stayed as it is.

Faults: card sales miss for one business in eight, electricity for one in five; the credit bureau's change of score starts
late (`AVAILABLE_FROM`); one district reports tax arrears in thousand won (`unit_fault`); rows of a business go on for two
quarters after it has closed.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deploy.generate.blocks import Block, logistic, month_starts, sizes

QUARTERS = 16
FIRST = "2021-01"
AVAILABLE_FROM = {"credit_score_chg_3m": "2021-10-01", "elec_kwh": "2021-04-01"}
TRUTH = ("true_chance", "unit_fault", "true_closed_on")
FOLLOW_UP = 5
"""Quarters after the last of the table in which closures go on: a year beyond the last row."""
INDUSTRIES = {"56": 0.55, "47": 0.25, "96": 0.0, "85": -0.3, "10": -0.4, "55": 0.15}
AFTERWARDS = 2
Floats = NDArray[np.float64]


def blocks(rows: int, seed: int) -> Iterator[Block]:
    for number, first, count in sizes(max(1, rows // QUARTERS)):
        yield block(first, count, np.random.default_rng([seed, number]))


def block(first: int, count: int, random: np.random.Generator) -> Block:
    shop = businesses(count, random)
    later = random.spawn(1)[0]  # a stream of its own: the table stays the same whatever is drawn after its end
    days = month_starts(FIRST, QUARTERS, 3)
    health, open_ = random.normal(0.3, 1, count), np.ones(count, dtype=bool)
    closed_in = np.full(count, QUARTERS + AFTERWARDS)
    history, parts = [health], []
    for place, day in enumerate(days):
        health = 0.9 * health + random.normal(0, 0.42, count) - 0.05 * shop["rent_level"]
        history.append(health)
        age = shop["age"] + 3.0 * place
        chance = quarterly(health, age, shop)
        parts.append(shop | quarter(place, health, history, age, shop, random) | truth(chance, day, count))
        closing = open_ & (random.random(count) < chance)
        closed_in[closing] = place
        open_ &= ~closing
    closed_on = closing_day(days, closed_in, random)
    kept = [place <= closed_in + AFTERWARDS for place in range(QUARTERS)]
    joined = {name: np.concatenate([part[name][at] for part, at in zip(parts, kept, strict=True)]) for name in parts[0]}
    names = np.array([f"B{first + at:09d}" for at in range(count)], dtype=object)
    joined["closed_on"] = np.concatenate([closed_on[at] for at in kept])
    true_closed_on = np.where(open_, closing_later(shop, health, later), closed_on)
    joined["true_closed_on"] = np.concatenate([true_closed_on[at] for at in kept])
    joined["license_status"] = np.where(joined["closed_on"] <= joined["as_of_month"], "closed", "open").astype(object)
    return {"biz_key": np.concatenate([names[at] for at in kept])} | {
        name: values
        for name, values in joined.items()
        if name not in ("age", "rent_level", "risk", "missing_sales", "missing_elec")
    }


def businesses(count: int, random: np.random.Generator) -> dict[str, NDArray[Any]]:
    kind = random.choice(list(INDUSTRIES), count, p=[0.34, 0.28, 0.14, 0.1, 0.06, 0.08])
    district, rent = random.integers(0, 24, count), random.normal(0, 1, count)
    return {
        "ksic_code": np.array([f"{each}11" for each in kind], dtype=object),
        "sigungu_code": np.array([f"{11 + each // 2}{each % 2 + 1}10" for each in district], dtype=object),
        "owner_age_band": random.choice(["under_40", "40_59", "60_up"], count, p=[0.28, 0.5, 0.22]).astype(object),
        "sole_prop_flag": random.random(count) < 0.85,
        "franchise_flag": random.random(count) < 0.2,
        "guarantee_flag": random.random(count) < 0.3,
        "rent_level": rent,
        "rent_index": np.round(100 + 12 * rent, 1),
        "risk": np.array([INDUSTRIES[each] for each in kind]),
        "age": random.exponential(60, count),
        "missing_sales": random.random(count) < 0.125,
        "missing_elec": random.random(count) < 0.2,
        "unit_fault": district == 7,
    }


def quarterly(health: Floats, age: Floats, shop: dict[str, NDArray[Any]]) -> Floats:
    young = 0.9 * np.exp(-(((age - 18) / 14) ** 2)) - 0.004 * np.minimum(age, 120)
    breaking = 2.2 * logistic(7 * (-1.3 - health))
    return logistic(-6.9 - 1.5 * health + breaking + young + shop["risk"] + 0.2 * shop["rent_level"])


def quarter(
    place: int, health: Floats, history: list[Floats], age: Floats, shop: dict[str, NDArray[Any]], random: np.random.Generator
) -> dict[str, NDArray[Any]]:
    count = len(health)
    before, year = history[-2], history[max(0, len(history) - 5)]
    peak = np.max(history[-5:], axis=0)
    sales = np.exp(16.2 + 0.35 * health + random.normal(0, 0.15, count))
    blind = np.where(shop["missing_sales"], np.nan, 1.0)
    arrears = np.maximum(0, random.poisson(np.exp(-1.7 - 0.8 * health))).astype(np.float64)
    amount = arrears * random.lognormal(13.4, 0.6, count)
    delay = np.where(random.random(count) < logistic(-2.4 - 1.1 * health), random.exponential(30, count) - 20 * health, 0.0)
    power = np.where(shop["missing_elec"], np.nan, np.exp(7.0 + 0.15 * health + random.normal(0, 0.2, count)))
    score = 0.8 * (health - before) * 30 + random.normal(0, 12, count)
    return {
        "months_in_business": np.floor(age),
        "sales_amt": np.round(sales * blind),
        "sales_cnt": np.round(sales / 18_000 * blind),
        "sales_mom": (0.1 * (health - before) + random.normal(0, 0.08, count)) * blind,
        "sales_yoy": (0.3 * (health - year) + random.normal(0, 0.12, count)) * blind,
        "sales_vs_12m_peak": np.minimum(1.0, np.exp(0.35 * (health - peak)) + random.normal(0, 0.05, count)) * blind,
        "consecutive_decline_months": np.minimum(random.poisson(np.exp(0.2 - 0.6 * health)), 24).astype(np.float64) * blind,
        "sales_rank_industry_pct": np.round(100 * logistic(0.8 * health + random.normal(0, 0.7, count)), 1) * blind,
        "cancel_rate": random.beta(2, 40, count),
        "delivery_ratio": random.beta(1.2, 3, count),
        "repeat_customer_ratio": logistic(-0.5 + 0.2 * health + random.normal(0, 0.5, count)),
        "tax_arrears_months12m": np.minimum(arrears, 12),
        "tax_arrears_amt_max12m": np.round(np.where(shop["unit_fault"], amount / 1000, amount)),
        "pension_arrears_months": np.minimum(random.poisson(np.exp(-2.0 - 0.7 * health)), 24).astype(np.float64),
        "employees": np.maximum(0, np.round(1.5 + 0.8 * health + random.normal(0, 1, count))),
        "employees_chg_6m": np.round(0.8 * (health - before) + random.normal(0, 0.6, count)),
        "elec_kwh": np.full(count, np.nan) if place < 1 else np.round(power),
        "loan_delinq_days_max": np.round(np.maximum(0.0, delay)),
        "policy_loan_balance": np.where(shop["guarantee_flag"], np.round(random.lognormal(17, 0.6, count)), 0.0),
        "credit_score_band": np.clip(np.round(5 - 1.5 * health + random.normal(0, 1.2, count)), 1, 10).astype(np.int64),
        "credit_score_chg_3m": np.full(count, np.nan) if place < 3 else np.round(score),
        "rep_change_24m": random.poisson(0.05 * np.exp(-0.3 * health)).astype(np.int64),
    }


def truth(chance: Floats, day: np.datetime64, count: int) -> dict[str, NDArray[Any]]:
    return {"true_chance": 1 - (1 - chance) ** 4, "as_of_month": np.repeat(day, count)}


def closing_later(shop: dict[str, NDArray[Any]], health: Floats, random: np.random.Generator) -> NDArray[np.datetime64]:
    """The day of closure after the table's end of businesses that are open then; NaT if they outlive the follow-up."""
    days = month_starts(FIRST, QUARTERS + FOLLOW_UP, 3)
    found, open_ = np.full(len(health), np.datetime64("NaT"), dtype="datetime64[D]"), np.ones(len(health), dtype=bool)
    for place in range(QUARTERS, QUARTERS + FOLLOW_UP):
        health = 0.9 * health + random.normal(0, 0.42, len(health)) - 0.05 * shop["rent_level"]
        closing = open_ & (random.random(len(health)) < quarterly(health, shop["age"] + 3.0 * place, shop))
        found[closing] = days[place] + random.integers(1, 90, closing.sum()).astype("timedelta64[D]")
        open_ &= ~closing
    return found


def closing_day(
    days: NDArray[np.datetime64], closed_in: NDArray[np.int64], random: np.random.Generator
) -> NDArray[np.datetime64]:
    """A day within the quarter after the last one in which the business was open; NaT if it is still open."""
    last = np.minimum(closed_in, QUARTERS - 1)
    found = days[last] + random.integers(1, 90, len(closed_in)).astype("timedelta64[D]")
    return np.where(closed_in < QUARTERS, found, np.datetime64("NaT"))
