"""What leaves the house, and what exactly the user says yes to before it does."""

from __future__ import annotations

from datetime import timedelta
from email import message_from_bytes, policy

import pytest
from wlm_email.skill import Email

from wlm.errors import BadRequest, ProviderError
from wlm.plugins import Person
from wlm.plugins.testing import asked, context, proposed, recorded, retry, run

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")  # loopback only
ANNA = Person("Anna Berg", "c1", "anna@work.example")
TOM = Person("Tom", "c2", "tom@home.example")


@pytest.fixture
def folder(settings, tmp_path):
    """The folder whose files may be attached."""
    made = tmp_path / "papers"
    made.mkdir()
    settings["attach_folder"] = str(made)
    (made / "Annual report 2026.pdf").write_bytes(b"%PDF-1.7 " + b"x" * 40_000)
    (made / "holiday.jpg").write_bytes(b"\xff\xd8\xff")
    return made


def sent(postman):
    return message_from_bytes(postman.mails[-1][2], policy=policy.default)


def said(skill, intent, ctx, **slots):
    """The proposal's words, then the mail that the pinned slots send."""
    told = proposed(skill, intent, ctx, **slots)
    return told.text, run(skill, intent, ctx, **{**slots, **told.slots})


# new mails


def test_the_question_has_the_words_the_addresses_and_the_subject(ctx):
    told = proposed(Email(), "send", ctx, to=[ANNA, TOM], body="I'm late", subject="Lunch")
    assert told.text == (
        "Send “I'm late” to Anna Berg (anna@work.example) and Tom (tom@home.example), "
        "about “Lunch”?"
    )


def test_an_address_is_asked_for_before_the_yes(ctx):
    from wlm.plugins.context import AskUser

    with pytest.raises(AskUser) as stop:
        proposed(Email(), "send", ctx, to=[Person("Zoe")], body="Hello")
    assert "no e-mail address for Zoe" in stop.value.question.text


def test_a_file_is_found_by_its_name_and_named_before_it_goes(
    ctx, postman, folder, tmp_path, settings
):
    ctx = context(Email(), tmp_path, now=ctx.now, settings=settings, offline=False)
    slots = {"to": [ANNA], "body": "Here it is", "attach": "the report"}
    question, reply = said(Email(), "send", ctx, **slots)
    assert "with Annual report 2026.pdf (40 kB)," in question
    assert reply.speech == "Sent to Anna Berg."
    (part,) = sent(postman).iter_attachments()
    assert part.get_filename() == "Annual report 2026.pdf"
    assert part.get_content_type() == "application/pdf"
    assert len(part.get_content()) == 40_009


def test_of_several_files_one_is_chosen(folder, settings, tmp_path):
    (folder / "Report of May.pdf").write_bytes(b"%PDF")
    ctx = context(Email(), tmp_path, settings=settings, offline=False)
    question = asked(Email(), "send", ctx, to=[ANNA], body="x", attach="the report")
    assert {each["label"] for each in question.candidates} == {
        "Annual report 2026.pdf", "Report of May.pdf"
    }  # fmt: skip
    run(Email(), "send", ctx, to=[ANNA], body="x", attach="Report of May.pdf")


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "link.txt", ".hidden report"])
def test_no_file_outside_the_folder_is_attached(folder, settings, tmp_path, postman, name):
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    ctx = context(Email(), tmp_path, settings=settings, offline=False)
    with pytest.raises(BadRequest, match="nothing was sent"):
        run(Email(), "send", ctx, to=[ANNA], body="x", attach=name)
    assert postman.mails == []


def test_without_a_folder_or_beyond_the_limit_nothing_is_attached(
    ctx, folder, settings, tmp_path, postman
):
    with pytest.raises(BadRequest, match="No folder is set"):
        bare = {**settings, "attach_folder": ""}
        run(Email(), "send", context(Email(), tmp_path, settings=bare, offline=False),
            to=[ANNA], body="x", attach="report")  # fmt: skip
    (folder / "big report.bin").write_bytes(b"x" * 1_000_001)
    small = context(Email(), tmp_path, settings={**settings, "attach_mb": 1}, offline=False)
    with pytest.raises(BadRequest, match="larger than 1 MB"):
        run(Email(), "send", small, to=[ANNA], body="x", attach="big report.bin")
    assert postman.mails == []


# answers


def test_an_answer_names_the_mail_and_is_to_just_that_one(ctx, mailbox, postman, letter):
    mailbox.put(letter(), letter(subject="Lunch again", ago=timedelta(hours=3), number=2))
    told = proposed(Email(), "reply", ctx, sender=ANNA, body="Fine")
    assert told.text == "Reply “Fine” to Anna Berg (anna@work.example), about “Lunch”?"
    mailbox.put(letter(subject="Newer", ago=timedelta(0), number=3))  # comes before the yes
    run(Email(), "reply", ctx, body="Fine", **told.slots)
    assert sent(postman)["Subject"] == "Re: Lunch"


def test_one_who_is_known_by_name_alone_is_shown_with_the_address(ctx, mailbox, letter):
    mailbox.put(letter())
    told = proposed(Email(), "reply", ctx, sender=Person("Anna Berg"), body="Fine")
    assert "(anna@work.example)" in told.text


def test_an_answer_to_everyone(ctx, mailbox, postman, letter):
    mailbox.put(letter(To=f"{mailbox.user}, Tom <tom@home.example>", Cc="zoe@x.example"))
    question, reply = said(Email(), "reply", ctx, sender=ANNA, body="Fine", whom="everyone")
    assert "Anna Berg (anna@work.example) and Tom (tom@home.example) and zoe@x.example" in question
    assert postman.mails[0][1] == ["anna@work.example", "tom@home.example", "zoe@x.example"]
    assert sent(postman)["Cc"] == "Tom <tom@home.example>, zoe@x.example"
    assert reply.speech == "Replied to Anna Berg, Tom and zoe@x.example."


# passing on


def test_passing_a_mail_on_with_what_is_attached(ctx, mailbox, postman, letter):
    mail = letter(subject="Plan", text="The plan is attached.")
    mail.add_attachment(b"%PDF plan", maintype="application", subtype="pdf", filename="Plan.pdf")
    mailbox.put(mail, letter(subject="Other", number=2))
    question, reply = said(Email(), "forward", ctx, to=[TOM], query="Plan", body="For you")
    assert question == (
        "Forward “Plan” from Anna Berg (anna@work.example), with Plan.pdf (1 kB), to "
        "Tom (tom@home.example) with the words “For you”?"
    )
    assert reply.speech == "Forwarded to Tom."
    message = sent(postman)
    assert message["Subject"] == "Fwd: Plan"
    assert message["In-Reply-To"] is None
    body = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert body.startswith("For you\n\n---------- Forwarded message ----------\nFrom: Anna Berg")
    assert "The plan is attached." in body
    assert [p.get_filename() for p in message.iter_attachments()] == ["Plan.pdf"]


def test_only_a_mail_that_was_spoken_of_is_passed_on(ctx, mailbox, letter):
    mailbox.put(letter())
    assert asked(Email(), "forward", ctx, to=[TOM]).text == "Which mail?"
    run(Email(), "read", ctx, sender=ANNA)
    assert "“Lunch” from Anna Berg" in proposed(Email(), "forward", ctx, to=[TOM]).text
    with pytest.raises(BadRequest, match="no such mail"):
        run(Email(), "forward", ctx, to=[TOM], query="zeppelin")


def test_a_text_of_html_is_passed_on_as_text(ctx, mailbox, postman, letter):
    mail = letter(subject="Offer")
    mail.clear_content()
    mail.set_content("<p>Buy <b>now</b></p><script>x()</script>", subtype="html")
    mailbox.put(mail)
    said(Email(), "forward", ctx, to=[TOM], query="Offer")
    assert sent(postman).get_content_type() == "text/plain"
    assert "Buy now" in sent(postman).get_content()


# drafts


def test_a_draft_is_kept_sent_and_gone(ctx, mailbox, postman):
    reply = run(Email(), "draft", ctx, to=[ANNA], body="The figures are in", subject="Budget")
    assert reply.speech == "The draft to Anna Berg is kept: “The figures are in”."
    ((flags, raw),) = mailbox.contents("Drafts")
    assert b"\\Draft" in flags and b"Subject: Budget" in raw
    assert postman.mails == []
    question, reply = said(Email(), "send_draft", ctx)
    assert question == (
        "Send the draft “Budget”, which says “The figures are in”, to Anna Berg "
        "(anna@work.example)?"
    )
    assert reply.speech == "Sent to Anna Berg."
    assert sent(postman)["Subject"] == "Budget"
    assert mailbox.contents("Drafts") == []
    assert len(mailbox.contents("Sent Mail")) == 1


def test_a_draft_is_made_once_and_can_be_taken_back(ctx, mailbox):
    run(Email(), "draft", ctx, body="Hello")
    retry(Email(), "draft", ctx, body="Hello")
    assert len(mailbox.contents("Drafts")) == 1
    intent, slots = recorded(ctx).undos[-1]
    assert run(Email(), intent, ctx, **slots).speech == "The draft is gone."
    assert mailbox.contents("Drafts") == []
    with pytest.raises(BadRequest, match="not there any more"):
        run(Email(), intent, ctx, **slots)


def test_a_draft_without_recipients_and_none_at_all(ctx, mailbox):
    with pytest.raises(BadRequest, match="no draft"):
        run(Email(), "send_draft", ctx)
    run(Email(), "draft", ctx, body="Hello")
    assert asked(Email(), "send_draft", ctx).slot == "to"
    assert "to Tom" in proposed(Email(), "send_draft", ctx, to=[TOM]).text


def test_no_folder_for_drafts(settings, tmp_path):
    settings["drafts_folder"] = "Nowhere"
    ctx = context(Email(), tmp_path, settings=settings, offline=False)
    with pytest.raises(ProviderError):
        run(Email(), "draft", ctx, body="Hello")


# conversations by mail


def test_a_conversation_is_summed_up(ctx, mailbox, postman, letter):
    first = letter(
        subject="Trip to Rome", ago=timedelta(hours=30), Message_ID="<a@x>",
        text="Hi,\n\nShall we take the night train to Rome on Friday? It leaves at 21:10.\n\nAnna",
    )  # fmt: skip
    second = letter(
        "Tom <tom@home.example>", "Re: Trip to Rome", ago=timedelta(hours=20), number=2,
        text="The night train is full, the one at 14:00 has seats.\n\nOn Friday, Anna wrote:\n"
        "> Shall we take the night train to Rome on Friday?", References="<a@x>",
    )  # fmt: skip
    mailbox.put(first, second, letter(subject="Other", number=3))
    run(Email(), "search", ctx, query="Rome")
    run(Email(), "reply", ctx, sender=TOM, body="Then the one at 14:00")
    reply = run(Email(), "summarize", ctx, query="Rome")
    assert reply.speech.startswith(
        "Trip to Rome. 3 mails by Anna Berg, Tom and you, "
        "from yesterday at 03:30 to today at 09:30."
    )
    assert "Anna Berg asked: Shall we take the night train to Rome on Friday?" in reply.speech
    assert "Tom wrote: The night train is full" in reply.speech
    assert "You wrote: Then the one at 14:00." in reply.speech
    assert reply.data["mails"][0]["name"] == "Tom"
