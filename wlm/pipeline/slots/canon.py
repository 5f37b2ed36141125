"""The form in which words of an utterance and of a template are compared."""

from __future__ import annotations

from wlm.pipeline.slots.words import words

PASSED = words(
    "please kindly thanks thank hey hi hello ok okay just now also um uh er hmm so well then "
    "a an the my our your this these those some any olly alexa siri computer assistant wlm "
    "currently quickly really actually maybe could would can will you i'd like i want need to"
) - words("to need want will can")
"""Left out on both sides: politeness, fillers, articles."""

_IS_AFTER = words("what who where when how it that there here he she which why whose")
_SAME = {
    "emails": "email",
    "mail": "email",
    "mails": "email",
    "e-mail": "email",
    "e-mails": "email",
    "whats": "what",
    "message": "email",
    "messages": "email",
    "appointments": "appointment",
    "meetings": "meeting",
    "events": "event",
    "reminders": "reminder",
    "contacts": "contact",
    "headlines": "headline",
    "numbers": "number",
    "details": "detail",
    "email's": "email",
    "organise": "organize",
    "telephone": "phone",
    "erase": "delete",
    "remove": "delete",
    "inform": "tell",
    "respond": "reply",
    "diary": "calendar",
    "agenda": "calendar",
}


def canonical(word: str, before: str) -> str:
    """The word as it is compared, given the one before it ("'s" after "what" is "is")."""
    if word == "'s" and before in _IS_AFTER:
        return "is"
    return _SAME.get(word, word)
