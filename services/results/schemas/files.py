"""What the documentation shows of the files in a result: tables, metrics, figures, the report, the restricted list."""

import json
from typing import Any, Final

Responses = dict[int | str, dict[str, Any]]


def both(ko: str, en: str) -> dict[str, str]:
    return {"ko": ko, "en": en}


COLUMNS: Final[list[dict[str, Any]]] = [
    {"name": "region", "title": both("지역", "Region"), "kind": "dimension"},
    {"name": "households", "title": both("가구 수", "Households"), "kind": "count"},
    {"name": "score", "title": both("평균 점수", "Mean score"), "kind": "measure", "of": "households"},
]
TABLE: Final[dict[str, Any]] = {
    "name": "by_region",
    "title": both("지역별", "By region"),
    "columns": COLUMNS,
    "rows": [["서울", 400, 0.71], ["부산", 200, 0.68]],
    "notes": None,
}
METRICS: Final[dict[str, Any]] = {
    "name": "quality",
    "split": {"train": [2012, 2013], "test": 2014},
    "notes": None,
    "figures": [{"name": "auc", "title": both("AUC", "AUC"), "value": 0.81, "count": 5000}],
}
SPEC: Final[dict[str, Any]] = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "data": {"values": [{"region": "서울", "score": 0.71}]},
    "mark": "bar",
    "encoding": {"x": {"field": "region", "type": "nominal"}, "y": {"field": "score", "type": "quantitative"}},
}
SEALED: Final = "eyJhbGciOiJFQ0RILUVTIiwi….….….…"
REASON: Final = {"code": "low-income", **both("낮은 소득", "Low income")}
LINE: Final = {"pseudonym": "4f" * 32, "score": 0.93, "reasons": [REASON], "sealed": SEALED}


def documented(description: str, content: dict[str, dict[str, Any]]) -> Responses:
    """The answer with status 200, by media type."""
    return {200: {"description": description, "content": content}}


def text(example: str) -> dict[str, Any]:
    return {"schema": {"type": "string"}, "example": example}


def document(example: dict[str, Any]) -> dict[str, Any]:
    return {"schema": {"type": "object"}, "example": example}


TABLE_CSV: Final = "region,households,score\r\n서울,400,0.71\r\n"
LIST_CSV: Final = (
    f"pseudonym,score,codes,reasons_ko,reasons_en,sealed\r\n{'4f' * 32},0.93,low-income,낮은 소득,Low income,{SEALED}\r\n"
)
TABLE_ANSWER: Final = documented("The table.", {"application/json": document(TABLE), "text/csv": text(TABLE_CSV)})
METRICS_ANSWER: Final = documented("The metrics.", {"application/json": document(METRICS)})
BYTES: Final[dict[str, Any]] = {"schema": {"type": "string", "format": "binary"}, "example": "…"}
SVG: Final = '<svg xmlns="http://www.w3.org/2000/svg">…</svg>'
PICTURE: Final = "The picture; as bytes if Accept names `application/octet-stream` alone."
SVG_ANSWER: Final = documented(PICTURE, {"image/svg+xml": text(SVG), "application/octet-stream": BYTES})
PNG_ANSWER: Final = documented(PICTURE, {"image/png": BYTES, "application/octet-stream": BYTES})
SPEC_ANSWER: Final = documented("The specification.", {"application/vnd.vegalite+json": document(SPEC)})
REPORT_ANSWER: Final = documented("The page.", {"text/html": text("<!doctype html><html lang=ko>…</html>")})
LIST_ANSWER: Final = documented(
    "The restricted list, a line for each entity.",
    {"application/x-ndjson": text(json.dumps(LINE, ensure_ascii=False) + "\n"), "text/csv": text(LIST_CSV)},
)
