"""Yes and no, in many words."""

from __future__ import annotations

import re

from wlm.pipeline.slots.words import word_list, words

_YES = word_list(
    "yes yeah yep yup yea ya sure ok okay okey okie right correct exactly absolutely "
    "definitely certainly affirmative confirm confirmed approved agreed aye indeed totally "
    "fine good great perfect please gladly obviously naturally roger yessir"
)
_YES_PHRASES = [
    "go ahead",
    "do it",
    "do that",
    "go for it",
    "sounds good",
    "sounds right",
    "sounds great",
    "that's right",
    "that is right",
    "that's correct",
    "that is correct",
    "that's it",
    "that's fine",
    "that works",
    "works for me",
    "of course",
    "by all means",
    "send it",
    "send that",
    "send them",
    "book it",
    "make it so",
    "i do",
    "i am",
    "i would",
    "i confirm",
    "you got it",
    "looks good",
    "looks right",
    "all right",
    "alright",
    "why not",
    "for sure",
    "be my guest",
    "i agree",
    "that's good",
    "you bet",
    "you can",
    "let's do it",
    "uh huh",
    "mm hmm",
    "please do",
    "add it",
    "schedule it",
    "save it",
    "proceed",
    "carry on",
    "continue",
]
_NO = word_list(
    "no nope nah nay never negative wrong incorrect stop abort cancel don't dont forget "
    "nevermind neither refuse reject decline not nein wait hold"
)
_NO_PHRASES = [
    "never mind",
    "do not",
    "don't do it",
    "don't do that",
    "don't send",
    "forget it",
    "forget about it",
    "leave it",
    "not now",
    "not yet",
    "not really",
    "no way",
    "of course not",
    "that's wrong",
    "that is wrong",
    "that's not",
    "that isn't",
    "isn't right",
    "not right",
    "not correct",
    "i changed my mind",
    "changed my mind",
    "rather not",
    "i'd rather not",
    "hold on",
    "hang on",
    "scrap that",
    "scrap it",
    "drop it",
    "skip it",
    "stop it",
    "absolutely not",
    "definitely not",
    "certainly not",
    "i don't",
    "i do not",
    "cancel that",
    "undo that",
    "please don't",
    "better not",
    "don't bother",
    "no need",
]
_FILLER = words(
    "please thanks thank you well um uh hmm just then so that's that is it the this one i "
    "think wlm do go ahead and with a right now but oh er ah"
)
_WORDS = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_LONGEST = 12


def yes_no(text: str) -> bool | None:
    """True for a confirmation, False for a refusal, ``None`` if it is neither.

    A refusal wins over a confirmation in the same breath ("yes … no, wait"), since a yes
    may send something. A long answer that is not about yes or no is neither.
    """
    words = _WORDS.findall(text.lower().replace("’", "'"))
    if not words or len(words) > _LONGEST:
        return None
    said = f" {' '.join(words)} "
    if words[0] in ("no", "yes") and len(words) <= 2 and words[-1] in ("problem", "worries"):
        return True
    refused = any(f" {phrase} " in said for phrase in _NO_PHRASES)
    agreed = any(f" {phrase} " in said for phrase in _YES_PHRASES)
    rest = said
    for phrase in (*_NO_PHRASES, *_YES_PHRASES):
        rest = rest.replace(f" {phrase} ", " ")
    left = [word for word in rest.split() if word not in _FILLER]
    refused = refused or any(word in _NO for word in left)
    agreed = agreed or any(word in _YES for word in words)
    other = [word for word in left if word not in _YES and word not in _NO]
    if not refused and not agreed:
        return None
    if len(other) > 2:  # "yes minister is on at eight" is about something else
        return None
    return not refused
