"""Households by month with the signs of need of many bodies, and what came of the visits (domain reference 6a).

Truth: a hidden need of each household moves slowly and jumps when something happens (a death, a lost job, an illness).
Some arrears follow need closely, others hardly; many indicators are common and say little. Support follows need, and beyond
what the count of indicators tells: a rejected benefit, severe illness, rent, living alone, most of all together with arrears.
`true_chance` is the chance from which the label was drawn.

Faults, as the real feeds have them: telecom, water and gas arrears start late (`AVAILABLE_FROM`); apartment fees and telecom
miss for whole households; one district in twelve reports electricity arrears in thousand won (`unit_fault`); only households
that an earlier score found are contacted, so labels stand on a biased part; some of those are not located. The newest months
are still waiting, but support that was granted soon is entered at once: of them cases alone are known. `true_contact` is what
came of the contact in the end.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deploy.generate.blocks import Block, logistic, month_starts, sizes

MONTHS = 18
FIRST = "2023-01"
LABELLED = 15
AVAILABLE_FROM = {
    "telecom_arrears_months": "2023-05-01",
    "water_arrears_months": "2023-07-01",
    "gas_arrears_months": "2023-09-01",
}
TRUTH = ("true_chance", "unit_fault", "true_contact")
TAKES_DAYS = 90
CONTACTED = 0.3
Floats = NDArray[np.float64]


def blocks(rows: int, seed: int) -> Iterator[Block]:
    """Blocks of about `rows` household months in all."""
    for number, first, count in sizes(max(1, rows // MONTHS)):
        yield block(first, count, np.random.default_rng([seed, number]))


def block(first: int, count: int, random: np.random.Generator) -> Block:
    home = households(count, random)
    months = month_starts(FIRST, MONTHS)
    need = random.normal(0, 1, count)
    early = random.spawn(1)[0]  # a stream of its own: what is granted soon changes nothing else
    parts = []
    for place, month in enumerate(months):
        event = events(count, random)
        need = 0.92 * need + random.normal(0, 0.35, count) + 0.9 * event["lost"] + 0.7 * event["death"] + 0.5 * event["illness"]
        signs = indicators(home, need, event, random) | late(place, home, need, random)
        found = outcome(home, need, event, signs, random)
        elapsed = int((months[-1] - month).astype(int))
        parts.append(home | signs | waiting(place, elapsed, found, early) | {"as_of_month": np.repeat(month, count)})
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    names = np.array([f"H{first + at:09d}" for at in range(count)], dtype=object)
    return {"subject_key": np.tile(names, MONTHS)} | joined


def households(count: int, random: np.random.Generator) -> dict[str, NDArray[Any]]:
    alone = random.random(count) < 0.36
    district = random.integers(0, 48, count)
    return {
        "sigungu_code": np.array([f"{11 + each // 4}{each % 4 + 1}10" for each in district], dtype=object),
        "age_band": random.choice(["under_40", "40_64", "65_up"], count, p=[0.3, 0.42, 0.28]).astype(object),
        "sex": random.choice(["f", "m"], count).astype(object),
        "household_size": np.where(alone, 1, 2 + random.poisson(0.9, count)).astype(np.int64),
        "single_household": alone,
        "disability_flag": random.random(count) < 0.07,
        "unit_fault": district % 12 == 5,
    }


def events(count: int, random: np.random.Generator) -> dict[str, NDArray[np.bool_]]:
    chances = {"lost": 0.012, "death": 0.001, "illness": 0.004, "rejected": 0.02}
    return {name: random.random(count) < chance for name, chance in chances.items()}


def indicators(
    home: dict[str, NDArray[Any]], need: Floats, event: dict[str, NDArray[np.bool_]], random: np.random.Generator
) -> dict[str, NDArray[Any]]:
    count = len(need)

    def months(level: float, slope: float) -> Floats:
        return np.minimum(random.poisson(np.exp(level + slope * need)), 24).astype(np.float64)

    def flag(level: float, slope: float = 0.0) -> NDArray[np.bool_]:
        return np.asarray(random.random(count) < logistic(level + slope * need))

    insurance, power = months(-1.9, 1.1), months(-2.2, 1.0)
    amount = power * random.lognormal(10.5, 0.4, count)
    return {
        "hi_arrears_months": insurance,
        "hi_arrears_amt": np.round(insurance * random.lognormal(11.2, 0.5, count)),
        "pension_arrears_months": months(-1.0, 0.15),
        "elec_arrears_months": power,
        "elec_arrears_amt": np.round(np.where(home["unit_fault"], amount / 1000, amount)),
        "elec_cut_90d": (power >= 3) & (random.random(count) < 0.3),
        "fin_delinq_amt": np.where(flag(-2.6, 0.7), np.round(random.lognormal(15.0, 0.8, count)), 0.0),
        "apt_fee_arrears_months": np.where(random.random(count) < 0.35, np.nan, months(-1.6, 0.2)),
        "public_rent_arrears_months": months(-3.2, 0.8),
        "debt_adjust_stopped": flag(-5.0, 0.5),
        "rent_vulnerable": flag(-2.2, 0.3),
        "emp_insurance_lost": event["lost"],
        "no_emp_insurance_12m": flag(0.1),
        "ui_benefit_end": flag(-4.0, 0.2),
        "business_closed": flag(-4.0, 0.1),
        "daily_worker": flag(-0.7, 0.05),
        "medical_overspend": flag(-1.2, 0.05),
        "no_medical_use_12m": flag(-0.5),
        "severe_illness": event["illness"] | flag(-4.0),
        "household_head_death": event["death"],
        "disaster_or_fire": flag(-6.5),
        "benefit_rejected_12m": event["rejected"] | flag(-3.4, 0.2),
        "at_risk_student": flag(-3.5, 0.2),
        "membership_not_applied": flag(0.2, 0.05),
        "past_benefit_count_24m": random.poisson(np.exp(-1.5 + 0.4 * need)).astype(np.int64),
    }


def late(place: int, home: dict[str, NDArray[Any]], need: Floats, random: np.random.Generator) -> dict[str, Floats]:
    """Feeds that start late are all empty before, and miss for whole households afterwards."""
    made = {}
    months = month_starts(FIRST, MONTHS)
    for name, since in AVAILABLE_FROM.items():
        found = np.minimum(random.poisson(np.exp(-1.5 + 0.3 * need)), 24).astype(np.float64)
        missing = random.random(len(need)) < (0.3 if name.startswith("telecom") else 0.05)
        made[name] = np.where(missing | (months[place] < np.datetime64(since)), np.nan, found)
    return made


def waiting(place: int, elapsed: int, found: dict[str, NDArray[Any]], random: np.random.Generator) -> dict[str, NDArray[Any]]:
    """What is entered by the table's last month: of the newest months only the support that was granted by then."""
    granted = {name: found[name] for name in ("label_public_support_90d", "label_any_support_90d")}
    contact = found["contact_result"]
    truth = {"true_contact": contact.copy(), "true_chance": found["true_chance"]}
    if place < LABELLED:
        return granted | truth | {"contact_result": contact}
    soon = (granted["label_public_support_90d"] == 1) & (random.random(len(contact)) < elapsed / TAKES_DAYS)
    seen = {name: np.where(soon, values, np.nan) for name, values in granted.items()}
    contact[~soon] = None
    return seen | truth | {"contact_result": contact}


def outcome(
    home: dict[str, NDArray[Any]],
    need: Floats,
    event: dict[str, NDArray[np.bool_]],
    signs: dict[str, NDArray[Any]],
    random: np.random.Generator,
) -> dict[str, NDArray[Any]]:
    """Whom the field reached, and who then got support, once all is known."""
    count = len(need)
    odds = -4.1 + 1.35 * need + 1.2 * signs["benefit_rejected_12m"] + 1.1 * signs["severe_illness"] + 0.9 * signs["elec_cut_90d"]
    odds = odds + 0.7 * signs["rent_vulnerable"] + 0.5 * home["single_household"] + 0.6 * home["disability_flag"]
    pressed = (signs["hi_arrears_months"] >= 3) & (home["single_household"] | signs["rent_vulnerable"])
    chance = logistic(odds + 0.8 * event["death"] + 1.3 * pressed)
    active = sum((np.nan_to_num(np.asarray(signs[name], dtype=float)) > 0).astype(float) for name in signs)
    earlier = np.asarray(active) + random.normal(0, 2.5, count)
    found = earlier >= np.quantile(earlier, 1 - CONTACTED)
    reached = random.choice(["visited", "phoned", "not_located", "refused"], count, p=[0.5, 0.33, 0.12, 0.05]).astype(object)
    contact = np.where(found, reached, "not_contacted").astype(object)
    known = np.isin(contact, ["visited", "phoned"])
    public = random.random(count) < chance
    any_ = public | (random.random(count) < np.minimum(0.9, 0.15 + 1.5 * chance))
    return {
        "contact_result": contact,
        "label_public_support_90d": np.where(known, public, np.nan),
        "label_any_support_90d": np.where(known, any_, np.nan),
        "true_chance": chance,
    }
