"""Words that spreadsheets rewrite when they open a CSV file: dates, numbers with an exponent, leading zeros. Pure."""

import re
from typing import Final

from plugins.texts import Text

_MONTHS: Final = (
    "jan|januari|january|feb|februari|february|mar|mars|march|apr|april|maj|may|jun|juni|june|jul|juli|july|"
    "aug|augusti|august|sep|sept|september|okt|oktober|oct|october|nov|november|dec|december"
)
_REWRITTEN: Final = re.compile(
    rf"""
    0\d+                                    # 00123456 becomes 123456
    | \d{{12,}}                              # 123456789012 becomes 1,23E+11
    | \d+(\.\d+)?e[+-]?\d+                  # 1E5 becomes 100000
    | \d{{1,4}}[-/.:]\d{{1,2}}([-/.:]\d{{1,4}})?  # 1-2 becomes the 1st of February
    | \d{{1,2}}[-/.]\d{{4}}                   # 1-2026 becomes January 2026
    | ({_MONTHS})[-/. ]?\d{{1,4}} | \d{{1,2}}[-/. ]?({_MONTHS})([-/. ]?\d{{2,4}})?
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
REWRITES: Final = Text(
    "Excel skriver om ett sådant värde när filen öppnas (1-2 blir ett datum, 1E5 ett tal, 00123456 tappar nollor). "
    "Välj ett värde som inte liknar ett tal eller en dag, till exempel K-1, om köket öppnar filen i ett kalkylprogram.",
    "Excel rewrites such a value when the file is opened (1-2 becomes a date, 1E5 a number, 00123456 loses its zeros). "
    "Choose a value that looks like no number and no day, for example K-1, if the kitchen opens it in a spreadsheet.",
)
SAME_BUT_CASE: Final = Text(
    "Två koder skiljer sig bara i stora och små bokstäver; skolsystemets kod måste stämma exakt med en av dem.",
    "Two codes differ in upper and lower case alone; the school system's code must match one of them exactly.",
)


def is_rewritten(word: str) -> bool:
    """Whether a spreadsheet takes a word for a number or a date."""
    return _REWRITTEN.fullmatch(word) is not None
