"""Words that point back, one by one."""

from __future__ import annotations

import pytest

from wlm.pipeline.dialogue import cues


@pytest.mark.parametrize(
    ("text", "rest", "asks"),
    [
        ("and on Saturday?", "on Saturday", False),
        ("what about Berlin", "Berlin", True),
        ("okay, and what about next week then", "next week", True),
        ("how about at four", "at four", True),
        ("and tomorrow please", "tomorrow", False),
    ],
)
def test_ellipsis(text: str, rest: str, asks: bool) -> None:
    assert cues.ellipsis(text) == (rest, asks)


@pytest.mark.parametrize("text", ["android news", "order a pizza", "what is the weather", "and"])
def test_no_ellipsis(text: str) -> None:
    assert cues.ellipsis(text) is None


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("no, Thursday", "Thursday", ""),
        ("no I said Bob", "Bob", ""),
        ("not tomorrow, on Friday", "on Friday", "tomorrow"),
        ("no, not Tom, Bob", "Bob", "Tom"),
        ("not Tom but Bob", "Bob", "Tom"),
        ("actually make it 4", "4", ""),
        ("sorry, I meant Anna Schmidt", "Anna Schmidt", ""),
        ("wait, at five instead", "at five", ""),
    ],
)
def test_correction(text: str, right: str, wrong: str) -> None:
    assert cues.correction(text) == (right, wrong)


@pytest.mark.parametrize("text", ["no", "No.", "nope", "north of here", "Thursday", "notify Tom"])
def test_no_correction(text: str) -> None:
    assert cues.correction(text) is None


@pytest.mark.parametrize(
    "text", ["undo", "Undo that!", "please undo the last change", "take that back", "put it back",
             "oh no, undo it please"],
)  # fmt: skip
def test_undoes(text: str) -> None:
    assert cues.undoes(text)


@pytest.mark.parametrize("text", ["undo my shoes", "take back the books to the library"])
def test_does_not_undo(text: str) -> None:
    assert not cues.undoes(text)


@pytest.mark.parametrize(
    "text", ["never mind", "oh, forget it", "actually leave it", "don't bother", "none of them",
             "I changed my mind"],
)  # fmt: skip
def test_drops(text: str) -> None:
    assert cues.drops(text)


@pytest.mark.parametrize("text", ["cancel my meeting", "forget the milk", "stop the music at 9"])
def test_does_not_drop(text: str) -> None:
    assert not cues.drops(text)


@pytest.mark.parametrize("text", ["what?", "say that again", "what did you say", "sorry, what?"])
def test_asks_again(text: str) -> None:
    assert cues.asks_again(text)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("move it to 11", "move the meeting to 11"),
        ("delete that", "delete the meeting"),
        ("cancel this one", "cancel the meeting"),
        ("tell Tom that I'm late", None),
    ],
)
def test_it(text: str, full: str | None) -> None:
    assert cues.with_noun(text, "meeting") == full


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cancel the second one", ("cancel the meeting", 1)),
        ("move the last meeting to four", ("move the meeting to four", -1)),
        ("read number two", ("read the meeting", 1)),
        ("on the second of May", None),
        ("the first train", None),
    ],
)
def test_the_second_one(text: str, found: tuple[str, int] | None) -> None:
    assert cues.picked(text, "meeting") == found
