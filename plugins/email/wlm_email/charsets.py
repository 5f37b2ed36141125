"""Bytes of mails as text, whatever they claim to be."""

from __future__ import annotations

import unicodedata

_NAMES = {
    # What mailers wrote -> what they meant; the wider set where one holds the other.
    "ascii": "", "us-ascii": "", "ansi_x3.4-1968": "", "unknown": "", "x-unknown": "",
    "unknown-8bit": "", "x-user-defined": "", "default": "", "none": "", "binary": "", "8bit": "",
    "utf8": "utf-8", "utf8mb4": "utf-8", "unicode-1-1-utf-8": "utf-8", "cp65001": "utf-8",
    "unicode-1-1-utf-7": "utf-7", "x-unicode-2-0-utf-7": "utf-7", "unicode": "utf-16",
    "iso-8859-1": "cp1252", "iso8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252",
    "iso_8859-1": "cp1252", "ansi": "cp1252", "windows-1252": "cp1252", "x-ansi": "cp1252",
    "iso-8859-8-i": "cp1255", "iso-8859-8-e": "cp1255", "iso-8859-8": "cp1255",
    "iso-8859-6-i": "iso8859-6", "iso-8859-6-e": "iso8859-6", "iso-8859-9": "cp1254",
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "cp936": "gb18030",
    "gb_2312-80": "gb18030", "csgb2312": "gb18030", "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman", "x-mac-cyrillic": "mac_cyrillic", "x-mac-ce": "mac_latin2",
    "big5": "big5hkscs", "x-x-big5": "big5hkscs", "big5-hkscs": "big5hkscs",
    "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949", "euc-kr": "cp949", "x-windows-949": "cp949",
    "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext", "csiso2022jp": "iso2022_jp_ext", "x-euc-jp": "euc_jp",
    "windows-874": "cp874", "iso-8859-11": "cp874", "tis-620": "cp874", "koi8": "koi8-r",
    "cp-850": "cp850", "cp-866": "cp866", "win-1251": "cp1251", "x-cp1251": "cp1251",
}  # fmt: skip
_NO_TEXT = frozenset(
    {"unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined", "mbcs", "oem"}
)


def decode(raw: bytes, charset: str | None) -> str:
    """``raw`` as its charset says; where that is unknown or wrong, as it was meant most likely."""
    declared = _known(charset)
    for name in dict.fromkeys((declared, "utf-8")):
        if name and (text := _strict(raw, name)) is not None:
            return text
    if declared and declared != "utf-8" and raw.count(b"\x1b") == 0:
        text = raw.decode(declared, "replace")
        if text.count("\ufffd") <= 1 + len(text) // 50:  # a slip, not another charset
            return text
    return raw.decode("cp1252", "replace").replace("\ufffd", "?")


def printable(text: str) -> str:
    """``text`` without control and direction characters; they become spaces."""
    if text.isprintable():
        return text
    return "".join(c if unicodedata.category(c)[0] != "C" else " " for c in text)


def _known(charset: str | None) -> str:
    """The codec's name; empty where there is none that gives text."""
    name = (charset or "").strip().strip("\"'").casefold().partition(";")[0].strip()
    name = _NAMES.get(name, name)
    if not name or name.replace("-", "_") in _NO_TEXT:
        return ""
    try:
        b"ab\0\0".decode(name, "replace")
    except (LookupError, ValueError):
        return ""
    return name


def _strict(raw: bytes, name: str) -> str | None:
    try:
        return raw.decode(name)
    except (LookupError, ValueError):
        return None
