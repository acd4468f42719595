"""Moments written by a format mask of Oracle's (``TO_DATE('29-FEB-2020', 'DD-MON-YYYY')``) to the form everything else reads.

Our sessions print moments by masks of our own, so another one means that settings were lost on the way. Then the mask decides
what the digits mean; one that leaves out what it takes to know the moment is refused.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

STANDARD: Final = frozenset(
    f"{year}-MM-DD{time}"
    for year in ("YYYY", "SYYYY")
    for time in ("", " HH24:MI:SS", " HH24:MI:SS.FF", " HH24:MI:SS.FF9", " HH24:MI:SS.FF TZH:TZM", " HH24:MI:SS.FF9 TZH:TZM")
)
"""Masks whose text is read as it stands."""
MONTHS: Final = {
    name: number
    for number, name in enumerate(["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1)
}
_LONG_MONTHS: Final = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER", "DECEMBER",
)  # fmt: skip

_ELEMENT = re.compile(
    r'(SYYYY|YYYY|RRRR|RR|MONTH|MON|MM|DD(?![DY])|HH24|HH12|HH|MI|SS(?!SSS)|FF[1-9]?|X|[AP]M|[AP]\.M\.|AD|BC|A\.D\.|B\.C\.|TZH|TZM)'
    r'|"([^"]*)"|([-/,.;: ])',
    re.IGNORECASE,
)  # fmt: skip
_TWO: Final = r"\d\d?"
_PATTERNS: Final = {
    "SYYYY": r"[-+ ]?\d{4}", "YYYY": r"\d{4}", "RRRR": r"\d{4}", "RR": r"\d\d", "MONTH": r"[A-Za-z]+ *", "MON": "[A-Za-z]{3}",
    "MM": _TWO, "DD": _TWO, "HH24": _TWO, "HH12": _TWO, "HH": _TWO, "MI": _TWO, "SS": _TWO, "FF": r"\d{0,9}", "X": "[.,]",
    "AM": r"[AaPp]\.?[Mm]\.?", "BC": r"[AaBb]\.?[CcDd]\.?", "TZH": r"[-+]\d\d", "TZM": r"\d\d",
}  # fmt: skip
_SAME: Final = {"PM": "AM", "A.M.": "AM", "P.M.": "AM", "AD": "BC", "A.D.": "BC", "B.C.": "BC", "HH12": "HH"}


@lru_cache(maxsize=256)
def _pattern(mask: str) -> re.Pattern[str]:
    """One group per element, named as it is. Raises ValueError for a mask that does not tell a moment."""
    parts: list[str] = []
    names: set[str] = set()
    at = 0
    while at < len(mask):
        found = _ELEMENT.match(mask, at)
        if found is None:
            raise ValueError(f"{mask!r} is a format mask that is not known here")
        at = found.end()
        element, quoted, mark = found.groups()
        if element is None:
            parts.append(re.escape(quoted) if quoted is not None else " *" if mark == " " else re.escape(mark))
            continue
        name = element.upper()
        name = _SAME.get(name, "FF" if name.startswith("FF") else name)
        if name in names:
            raise ValueError(f"{mask!r} names {name} twice")
        names.add(name)
        parts.append(f"(?P<{name}>{_PATTERNS[name]})")
    years, months = names & {"SYYYY", "YYYY", "RRRR", "RR"}, names & {"MM", "MON", "MONTH"}
    if len(years) != 1 or len(months) != 1 or "DD" not in names:
        raise ValueError(f"{mask!r} does not tell year, month and day")
    if len(names & {"HH24", "HH"}) > 1 or ("HH" in names) != ("AM" in names and "HH24" not in names):
        raise ValueError(f"{mask!r} does not tell the hour of the day")
    return re.compile("".join(parts))


def standard(text: str, mask: str) -> str:
    """``text``, written by ``mask``, as ``SYYYY-MM-DD HH24:MI:SS.FF TZH:TZM`` has it. Raises ValueError."""
    if mask in STANDARD:
        return text
    found = _pattern(mask).fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text[:60]!r} is not written by the mask {mask!r}")
    said = found.groupdict()
    year = int(next(said[name] for name in ("SYYYY", "YYYY", "RRRR", "RR") if name in said))
    if "RR" in said:
        year += 2000 if year < 50 else 1900
    if said.get("BC", "A")[0] in "Bb":
        year = -abs(year)
    if "MM" in said:
        month = int(said["MM"])
    elif "MON" in said:
        month = MONTHS.get(said["MON"].upper(), 0)
    else:
        name = said["MONTH"].strip().upper()
        month = _LONG_MONTHS.index(name) + 1 if name in _LONG_MONTHS else 0
    if month == 0:
        raise ValueError(f"{text[:60]!r} names no month")
    hour = int(said.get("HH24") or said.get("HH") or 0)
    if "HH" in said:
        if not 1 <= hour <= 12:
            raise ValueError(f"{text[:60]!r} has no hour of half a day")
        hour = hour % 12 + (12 if said["AM"][0] in "Pp" else 0)
    clock = f"{hour:02d}:{int(said.get('MI') or 0):02d}:{int(said.get('SS') or 0):02d}"
    fraction = f".{said['FF']}" if said.get("FF") else ""
    zone = f" {said['TZH']}:{said.get('TZM') or '00'}" if "TZH" in said else ""
    return f"{'-' if year < 0 else ''}{abs(year):04d}-{month:02d}-{int(said['DD']):02d} {clock}{fraction}{zone}"
