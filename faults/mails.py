"""`python -m faults.mails FOLDER…`: read mails that nobody here wrote.

Every file of the folders that is a mail (``.eml``, ``.msg``, ``.txt`` with a head) or a file
of many (``.mbox``) is read as the skill reads one: parsed, heard, and, where it has an address,
written to and passed on. Each must be read, or refused with an error of ours. Prints how many
of each, which charsets and structures they had, how many show a character that could not be
read, and how long the longest took.
"""

from __future__ import annotations

import argparse
import mailbox
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path
from typing import NamedTuple

from wlm_email import heard, say
from wlm_email.account import Account, Settings
from wlm_email.compose import File, compose, passed_on, prefixed
from wlm_email.mime import Mail, attached, parse, taken_apart

from wlm.errors import WlmError

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ME = Account(
    Settings(user="me@home.example"), "", lambda _host, _port: None, lambda _: nullcontext()
)
_HEAD = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:From [^\n]+\n)?[!-9;-~]+[ \t]*:")


class Read(NamedTuple):
    """What became of one mail: ``read``, ``refused`` or ``broke``, and why."""

    name: str
    end: str
    why: str = ""
    seconds: float = 0.0
    bad: bool = False


def mails(folders: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every mail below the folders."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if not path.is_file():
                continue
            if ".mbox" in path.name:
                box = mailbox.mbox(path, create=False)
                for number, key in enumerate(box.keys()):
                    yield f"{path.name}:{number}", box.get_bytes(key)
            elif path.suffix in (".eml", ".msg", ".txt"):
                raw = path.read_bytes()
                if path.suffix == ".eml" or _HEAD.match(raw):
                    yield path.name, raw


def read(name: str, raw: bytes) -> Read:
    """Read one as the skill does."""
    started = time.perf_counter()
    try:
        mail = parse(raw, "1", seen=True)
        spoken = heard.spoken(mail.text, 900)
        shown = say.listed(NOW, [mail], 1, "mail")
        assert all(c.isprintable() for c in spoken), "control characters are heard"
        assert all(line.isprintable() for line in shown.display.splitlines())
        _answered(mail, raw)
    except WlmError as error:
        return Read(name, "refused", error.message, time.perf_counter() - started)
    except Exception as error:  # noqa: BLE001 - this is what is looked for
        return Read(name, "broke", f"{type(error).__name__}: {error}")
    bad = "\ufffd" in f"{mail.subject}{mail.name}{mail.text}"
    return Read(name, "read", mail.note, time.perf_counter() - started, bad)


def _answered(mail: Mail, raw: bytes) -> None:
    """Write an answer, and pass it on: what came in must be able to go out."""
    to = [("Anna", "anna@work.example")]
    subject = prefixed(mail.subject, "Re:")
    compose(ME, to, subject, "Fine", now=NOW, event_id="e", answers=mail).as_bytes()
    files = [File(*each) for each in attached(taken_apart(raw), 50_000_000)]
    body = passed_on("See below", mail, say.when(mail.date, NOW))
    compose(ME, to, subject, body, now=NOW, event_id="e", files=files).as_bytes()


def structures(raw: bytes) -> tuple[set[str], set[str]]:
    """The charsets that a mail names and the types of its parts."""
    try:
        parts = list(message_from_bytes(raw).walk())
    except Exception:  # noqa: BLE001 - counted elsewhere
        return set(), set()
    charsets = set(re.findall(r"=\?([\w.:*-]+)\?[bqBQ]\?", raw[:50_000].decode("latin-1")))
    for part in parts:
        try:
            charsets.add(str(part.get_content_charset() or ""))
        except (LookupError, ValueError):
            continue
    kinds = {part.get_content_type() for part in parts}
    return {name.partition("*")[0].casefold() for name in charsets if name}, kinds


def main() -> None:
    """Read them all and print what came of it; exit code 1 if one broke the skill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="+", type=Path)
    found: list[Read] = []
    charsets: set[str] = set()
    kinds: set[str] = set()
    for name, raw in mails(parser.parse_args().folder):
        found.append(read(name, raw))
        named, typed = structures(raw)
        charsets |= named
        kinds |= typed
    ends = Counter(each.end for each in found)
    print(f"{len(found)} mails: {ends['read']} read, {ends['refused']} refused, "
          f"{ends['broke']} broke the skill")  # fmt: skip
    print(f"{len(charsets)} names of charsets, {len(kinds)} types of parts; "
          f"{sum(each.bad for each in found)} show a character that could not be read")  # fmt: skip
    if found:
        slowest = max(found, key=lambda each: each.seconds)
        print(f"the slowest took {slowest.seconds:.2f} s ({slowest.name})")
    for why, many in Counter(each.why for each in found if each.end == "refused").items():
        print(f"  refused {many}: {why}")
    for each in found:
        if each.end == "broke":
            print(f"  broke: {each.name}: {each.why}")
    raise SystemExit(bool(ends["broke"]) or not found)


if __name__ == "__main__":
    main()
