"""Who takes part in the demonstration: people of six ministries, each with a token of their own."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """Somebody with a role in a ministry; `title` is how the demonstration speaks of them."""

    subject: str
    ministry: str
    roles: str
    title: str


KIM = Person("kim.analyst", "mohw", "requester", "Kim, analyst of Health and Welfare")
HAN = Person("han.steward", "mohw", "steward", "Han, data steward of Health and Welfare")
LEE = Person("lee.steward", "nts", "steward", "Lee, data steward of the National Tax Service")
PARK = Person("park.steward", "mois", "steward", "Park, data steward of Interior and Safety")
CHOI = Person("choi.council", "kostat", "council-member", "Choi, council member of the Ministry of Data and Statistics")
JUNG = Person("jung.council", "moel", "council-member", "Jung, council member of Employment and Labor")
KANG = Person("kang.council", "msit", "council-member", "Kang, council member of Science and ICT")
YOON = Person("yoon.reviewer", "kostat", "method-reviewer", "Yoon, method reviewer of the Ministry of Data and Statistics")
LIM = Person("lim.reviewer", "msit", "method-reviewer", "Lim, method reviewer of Science and ICT")
SHIN = Person("shin.checker", "kostat", "output-checker", "Shin, output checker of the Ministry of Data and Statistics")
OH = Person("oh.checker", "moel", "output-checker", "Oh, output checker of Employment and Labor")
SEO = Person("seo.systems", "nts", "requester", "the case system of the National Tax Service")
MOON = Person("moon.audit", "kostat", "auditor", "Moon, auditor")
STEWARDS = {"mohw": HAN, "nts": LEE, "mois": PARK}
