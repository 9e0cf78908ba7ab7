"""The whole loop with a method that does nothing, and many who submit at once, over HTTP."""

import asyncio
import time
from statistics import median

import httpx

from deploy.demo import people
from deploy.demo.papers import BALLOT, CHECKED, approval
from tests.bench.figures import Bench, Figure, at_least, at_most, milliseconds, percentile
from tests.bench.house import PATIENCE, House, bare_commits, inhabited, typical_commit

LOOP = 0.5  # seconds
RATE = 150  # submits a second


async def measure_walks(bench: Bench) -> list[Figure]:
    async with inhabited(bench) as house:
        return [*await measure_loop(bench, house), *await measure_submits(bench, house)]


async def measure_loop(bench: Bench, house: House) -> list[Figure]:
    """From the submission to the published result, by people who decide at once; beside it the sum of its commits."""
    took: list[float] = []
    commits: list[int] = []
    bare: list[float] = []
    for number in range(bench.size.loops + 1):
        bench.console.doing(f"the loop, {number} of {bench.size.loops}")
        before, began = await house.commits(), time.perf_counter()
        await go_round(house)
        took.append(time.perf_counter() - began)
        commits.append(await house.commits() - before)
        bare.append(await typical_commit(bench.folder / "bare.db"))
    ratios = [all_of_it / (count * one) for all_of_it, count, one in zip(took[1:], commits[1:], bare[1:], strict=True)]
    measured = f"p50 {milliseconds(median(took[1:]))}, {median(commits[1:]):.0f} commits of {milliseconds(median(bare[1:]))} each"
    return [
        Figure(f"the loop, with a method that does nothing, to {LOOP} s", measured, (median(took[1:]) / LOOP,), at_most(1)),
        Figure("the loop, with a method that does nothing, to the sum of its commits", measured, tuple(ratios)),
    ]


async def go_round(house: House) -> None:
    request = (await house.call(people.KIM, "POST", "/requests", json=house.asked()))["id"]
    path = f"/requests/{request}"

    async def stands_at(*wanted: str) -> bool:
        status = (await house.call(people.KIM, "GET", path))["status"]
        if status in ("failed", "refused", "withheld"):
            raise RuntimeError(f"the request {status}")
        return status in wanted

    await house.call(people.LEE, "POST", f"{path}/decisions", json=approval(house.dataset))
    for member in (people.CHOI, people.JUNG, people.KANG):
        if await stands_at("council_review"):
            await house.call(member, "POST", f"{path}/votes", json=BALLOT)
    await house.wait(lambda: stands_at("output_review"))
    result = await house.wait(lambda: held_result(house, request))
    for checker in (people.SHIN, people.OH):
        await house.call(checker, "POST", f"/results/{result}/votes", json=CHECKED)
    await house.wait(lambda: stands_at("released"))


async def held_result(house: House, request: str) -> str | None:
    for item in (await house.call(people.SHIN, "GET", "/results?status=held"))["items"]:
        if (await house.call(people.SHIN, "GET", f"/results/{item['id']}"))["request_id"] == request:
            return str(item["id"])
    return None


async def measure_submits(bench: Bench, house: House) -> list[Figure]:
    """All at once, each on a connection of its own; as many commits of one row, one after the other, beside it."""
    count = bench.size.submits
    ratios: list[float] = []
    answers: list[float] = []
    rates: list[float] = []
    for number in range(bench.size.rounds + 1):
        bench.console.doing(f"{count} submits at once, {f'round {number}' if number else 'warming up'}")
        bare = sum(await bare_commits(bench.folder / "bare.db", count))
        began = time.perf_counter()
        each = await at_once(house, count)
        whole = time.perf_counter() - began
        if number:
            answers += each
            rates.append(count / whole)
            ratios.append(whole / bare)
    p50, p99 = percentile(answers, 0.5), percentile(answers, 0.99)
    measured = f"all 201; {median(rates):.0f}/s, p50 {milliseconds(p50)}, p99 {milliseconds(p99)}"
    return [
        Figure(f"{count} submits at once, to {RATE} a second", measured, tuple(rate / RATE for rate in rates), at_least(1)),
        Figure(f"{count} submits at once, to {count} bare commits", measured, tuple(ratios)),
    ]


async def at_once(house: House, count: int) -> list[float]:
    """As many callers, none of whom has called before."""
    limits = httpx.Limits(max_connections=count, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=house.suite.url, timeout=PATIENCE, trust_env=False, limits=limits) as http:
        return await asyncio.gather(*(submit(house, http) for _ in range(count)))


async def submit(house: House, http: httpx.AsyncClient) -> float:
    """How long the answer takes; any but 201 is an error."""
    began = time.perf_counter()
    answer = await http.post("/requests", json=house.asked(), headers=house.headers(people.KIM))
    if answer.status_code != 201:
        raise RuntimeError(f"a submit was answered with {answer.status_code}: {answer.text[:500]}")
    return time.perf_counter() - began
